import { z } from 'zod';
import { type ErrorCode, TsimgError } from '../errors.ts';
import { readStart } from './body.ts';
import type { HttpResponse } from './http.ts';
import { redactUrl, serverText } from './redact.ts';
import { parseRetryAfter } from './retry.ts';

const MAX_TEXT = 64 * 1024;

/** Distribution spec, "Error Codes". */
const bodySchema = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })).min(1),
});

/** What the body of a refusal says, on one line. */
async function refusalText(response: HttpResponse): Promise<string> {
  const bytes = await readStart(response, MAX_TEXT);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return ''; // a proxy's HTML page helps nobody
  }
  const parsed = bodySchema.safeParse(value);
  const [first] = parsed.success ? parsed.data.errors : [];
  return serverText([first?.code, first?.message].filter(Boolean).join(': '));
}

/** A response that is a refusal → the error for it, with `facts.status` and, where told, `facts.retryAfter` in milliseconds. */
export async function responseError(
  response: HttpResponse,
  what: string,
  { code = 'REGISTRY_ERROR', hint }: { readonly code?: ErrorCode; readonly hint?: string } = {},
): Promise<TsimgError> {
  const { status, url, headers } = response;
  const text = await refusalText(response);
  const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
  const seconds = retryAfter === undefined ? 'later' : `after ${Math.ceil(retryAfter / 1000)} s`;
  return new TsimgError(code, what, {
    where: redactUrl(url),
    why: `HTTP ${status}${text === '' ? '' : `, ${text}`}`,
    hint: status === 429 ? `too many requests: try again ${seconds}, or log in for a higher limit` : hint,
    facts: { status, ...(retryAfter === undefined ? {} : { retryAfter }) },
  });
}
