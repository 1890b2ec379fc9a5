import { TsimgError } from '../errors.ts';
import { type Authorizer, createAuthorizer } from './auth/authorizer.ts';
import { parseChallenges } from './auth/challenge.ts';
import type { Host } from './host.ts';
import { discard } from './http/body.ts';
import type { HttpRequest, HttpResponse } from './http/http.ts';
import { responseError } from './http/response-error.ts';

/** The purpose of a request: it decides what a token must allow, and how an error begins. */
export type Access =
  | { readonly kind: 'get' }
  /** `from`: a repository of the same registry whose blobs may be mounted. */
  | { readonly kind: 'push'; readonly from?: string | undefined }
  | { readonly kind: 'delete' }
  /** Asks the registry itself whether it takes the credentials. Needs no right on any repository. */
  | { readonly kind: 'check' };

/** The right that an account needs, for the hint of a refusal. */
const NEED = { get: 'read it', push: 'write to it', delete: 'delete from it', check: 'log in' } as const;

/** The scopes that a request's token must have. Distribution spec, "Token Scope Documentation" */
function scopeOf(repository: string, access: Access): string {
  if (access.kind === 'check') return '';
  if (access.kind === 'get') return `repository:${repository}:pull`;
  if (access.kind === 'delete') return `repository:${repository}:pull,delete`;
  const { from } = access;
  return `repository:${repository}:pull,push${from === undefined ? '' : ` repository:${from}:pull`}`;
}

/** A request's host and repository, what it is for, and the account that makes it. */
export interface Asking {
  readonly host: Host;
  readonly repository: string;
  readonly access: Access;
  /** The beginning of an error: `cannot get manifest of alpine:3.9`. */
  readonly failure: string;
  /** The tokens of the repository's account, once its credentials were looked up. */
  readonly known: Authorizer | undefined;
  /** Looks up the repository's credentials: at the first challenge. */
  authorizer(): Promise<Authorizer>;
}

/**
 * Answers the 401 of a registry behind another one (vanity names redirect all requests): a token is requested without
 * credentials, and is sent to that registry alone.
 */
async function answerElsewhere(
  response: HttpResponse,
  request: HttpRequest,
  { send, direct, elsewhere }: Host,
): Promise<HttpResponse> {
  const { url } = response;
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
  if (repository === undefined) return response;
  const endpoint = new URL('/', url);
  const authorizer =
    elsewhere.get(url.origin) ??
    createAuthorizer({ endpoint, send: direct, findCredentials: async () => undefined, trustedRealms: [] });
  elsewhere.set(url.origin, authorizer);
  const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
  const scope = `repository:${repository}:pull`;
  const header = await authorizer.answer(challenges, { scope, header: undefined }, request.signal);
  if (header === undefined) return response;
  await discard(response);
  return send({ ...request, url, headers: { ...request.headers, authorization: header } });
}

/**
 * Sends a request and answers one 401 with credentials: a token that expires during a pull is renewed once, never in a
 * loop.
 * @throws AUTHENTICATION_REQUIRED, AUTHENTICATION_DENIED; CREDENTIALS_INVALID; what sending throws
 */
export async function sendAuthorized(request: HttpRequest, asking: Asking): Promise<HttpResponse> {
  const { host, access, repository, failure } = asking;
  const scope = scopeOf(repository, access);
  const ask = (authorization: string | undefined) =>
    host.send({
      ...request,
      headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
    });
  const first = await asking.known?.foresee(scope, request.signal);
  let response = await ask(first);
  if (response.status === 401 && response.url.origin === request.url.origin) {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const authorizer = await asking.authorizer();
    const header = await authorizer.answer(challenges, { scope, header: first }, request.signal);
    if (header !== undefined) {
      await discard(response);
      response = await ask(header);
    }
  }
  // The host behind a redirect must not get the credentials (CVE-2020-15157), but may give a token to anonymous
  // clients.
  if (response.status === 401 && response.url.origin !== request.url.origin) {
    response = await answerElsewhere(response, request, host);
  }
  // A refused HEAD has no body: the caller repeats the request with GET.
  if (request.method === 'HEAD' || (response.status !== 401 && response.status !== 403)) return response;
  const error = await responseError(response, failure);
  if (response.url.origin !== request.url.origin) {
    if (!response.url.pathname.startsWith('/v2/')) throw error;
    const elsewhere = response.url.host;
    const hint = `${request.url.host} redirects to ${elsewhere}, which must not get its credentials: pull from there`;
    throw new TsimgError('AUTHENTICATION_DENIED', error.what, { ...error, hint });
  }
  throw await (await asking.authorizer()).refusal(error, NEED[access.kind]);
}
