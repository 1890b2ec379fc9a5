import { TsimgError } from '../../errors.ts';
import { redactUrl } from '../failure/redact.ts';
import { discard } from './body.ts';
import { isLoopback } from './endpoint.ts';
import type { HttpRequest, HttpResponse, Send } from './http.ts';

const MAX_REDIRECTS = 10;
const REDIRECT = new Set([301, 302, 303, 307, 308]);
const KEEPS_METHOD = new Set([307, 308]);
/** Headers for the registry alone. */
const SECRET_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

function refuse(from: URL, why: string): TsimgError {
  return new TsimgError('REGISTRY_ERROR', 'the registry redirects', { where: redactUrl(from), why });
}

function targetOf(response: HttpResponse, plainHttp: boolean): URL {
  const { location } = response.headers;
  if (location === undefined || !URL.canParse(location, response.url.href)) throw refuse(response.url, 'to nowhere');
  const target = new URL(location, response.url);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse(response.url, `to ${target.protocol}`);
  const downgrade = response.url.protocol === 'https:' && target.protocol === 'http:';
  if (downgrade || (target.protocol === 'http:' && !plainHttp && !isLoopback(target))) {
    throw refuse(response.url, downgrade ? 'from HTTPS to plain HTTP' : `to plain HTTP on ${target.host}`);
  }
  target.username = '';
  target.password = '';
  return target;
}

/** Removes credentials; header names may be in any case. */
function anonymous(headers: HttpRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !SECRET_HEADERS.has(name.toLowerCase())));
}

/**
 * Follows redirects of GET and HEAD, and of other methods those that keep the method (RFC 9110, 15.4.8). Credentials
 * are dropped, for good, at the first change of scheme, host or port: neither that host nor a later one gets them
 * (CVE-2020-15157's class). They are dropped too where a registry redirects to a store on its own host outside of
 * `/v2/`, as docker does: stores refuse a second kind of credentials.
 * @param plainHttp whether the user gave up TLS
 * @throws REGISTRY_ERROR for a loop, a missing target, another scheme, or plain HTTP that is not allowed, from the
 * returned function
 */
export function followRedirects(send: Send, plainHttp: boolean): Send {
  return async (request) => {
    let { url, headers } = request;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await send({ ...request, url, headers });
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      // A form carries a secret: that of a token server's client.
      const isForm = typeof request.body === 'string';
      if (isForm || !(isRead ? REDIRECT : KEEPS_METHOD).has(response.status)) return response;
      await discard(response);
      const target = targetOf(response, plainHttp);
      if (target.origin !== url.origin || !target.pathname.includes('/v2/')) headers = anonymous(headers);
      url = target;
    }
    throw refuse(request.url, `more than ${MAX_REDIRECTS} times`);
  };
}
