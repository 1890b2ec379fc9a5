import { type ErrorCode, TsimgError } from '../../errors.ts';
import * as z from '../../schema/zod.ts';
import { redactUrl, serverText } from '../failure/redact.ts';
import { readStart } from './body.ts';
import type { HttpResponse } from './http.ts';
import { parseRetryAfter } from './retry.ts';

const MAX_TEXT = 64 * 1024;

/** The most characters of a refusal that are shown. */
const MAX_SHOWN = 300;

const ANY = z.optional(z.unknown());

/** Distribution spec, "Error Codes", and the forms of token servers and front ends. */
const bodySchema = z.object({
  errors: z.catch(z.array(z.object({ code: ANY, message: ANY, detail: ANY })), []),
  message: ANY,
  error_description: ANY,
  error: ANY,
  details: ANY,
  detail: ANY,
});

const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? `${value}` : '');

function jsonText(value: unknown): string {
  const parsed = bodySchema.safeParse(value);
  if (!parsed.success) return '';
  const { errors, message, error_description, error, details, detail } = parsed.data;
  const told = errors.map((one) => {
    const words = [one.code, one.message].map(textOf).filter(Boolean).join(': ');
    const more = textOf(one.detail);
    return more === '' || words.includes(more) ? words : `${words} (${more})`;
  });
  const others = [message, error_description, error, details, detail].map(textOf);
  return told.filter(Boolean).join('; ') || others.find(Boolean) || '';
}

/**
 * Returns whether bytes are an HTML page: the answer of a proxy, or of a network's login page, in the place of a
 * registry's.
 */
export function isHtml(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  return /^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|script|!--)/i.test(start);
}

function htmlText(text: string): string {
  const title = /<title[^>]*>([^<]{1,500})<\/title>/i.exec(text)?.[1]?.trim();
  return title === undefined ? 'an HTML page' : `an HTML page, “${title}”`;
}

/** The text of a refusal's body, on one line. */
async function refusalText(response: HttpResponse): Promise<string> {
  const bytes = await readStart(response, MAX_TEXT);
  const text = bytes.toString('utf8');
  if (isHtml(bytes)) return serverText(htmlText(text), MAX_SHOWN);
  try {
    return serverText(jsonText(JSON.parse(text)), MAX_SHOWN);
  } catch {
    // Object stores answer XML, load balancers a line of text.
    const xml = /<Message>([^<]{1,1000})<\/Message>/i.exec(text)?.[1];
    if (xml !== undefined) return serverText(xml, MAX_SHOWN);
    const isText = /^text\/plain\b/i.test(response.headers['content-type'] ?? '');
    return isText ? serverText(text.slice(0, 2 * MAX_SHOWN), MAX_SHOWN) : '';
  }
}

/** The error for an HTML page that came, with a status of success, in the place of the requested content. */
export function htmlError(what: string, response: HttpResponse, bytes: Uint8Array): TsimgError {
  const page = serverText(htmlText(Buffer.from(bytes.subarray(0, MAX_TEXT)).toString('utf8')), MAX_SHOWN);
  return new TsimgError('REGISTRY_ERROR', `cannot get ${what}`, {
    where: redactUrl(response.url),
    why: `the answer is ${page}`,
    hint: 'something else answers in the place of the registry: log in to the network, or check the proxy and the name',
    facts: { status: response.status },
  });
}

/** The remedy for statuses that mean the same everywhere. */
function hintOf(status: number, seconds: string): string | undefined {
  if (status === 429) return `too many requests: try again ${seconds}, or log in for a higher limit`;
  if (status === 407) return 'the proxy wants credentials: write http://USER:PASSWORD@HOST:PORT into its variable';
  return undefined;
}

/**
 * Makes the error for a refusal, with `facts.status` and, where the server sent it, `facts.retryAfter` in milliseconds.
 */
export async function responseError(
  response: HttpResponse,
  what: string,
  { code = 'REGISTRY_ERROR', hint }: { readonly code?: ErrorCode; readonly hint?: string } = {},
): Promise<TsimgError> {
  const { status, url, headers } = response;
  const text = await refusalText(response);
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  const seconds = !retryAfter ? 'later' : `after ${Math.ceil(retryAfter / 1000)} s`;
  return new TsimgError(code, what, {
    where: redactUrl(url),
    why: `HTTP ${status}${text === '' ? '' : `, ${text}`}`,
    hint: hintOf(status, seconds) ?? hint,
    facts: { status, said: text, ...(retryAfter === undefined ? {} : { retryAfter }) },
  });
}
