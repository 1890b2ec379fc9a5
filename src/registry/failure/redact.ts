import { errnoOf, isError, messageOf } from '../../errors.ts';

/** Formats a URL for an error, without user, password and query: signed URLs and token requests carry secrets there. */
export function redactUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
}

/**
 * Cleans a server's text for an error: control characters and bidirectional overrides become spaces, at most `max`
 * characters.
 */
export function serverText(text: string, max = 300): string {
  const clean = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, ' ')
    .trim();
  return clean.length > max ? `${clean.slice(0, max)}…` : clean;
}

/**
 * Copies an HTTP client's error without its `options`: they hold the Authorization header, which `--debug` would print.
 */
export function redactError(error: unknown): Error {
  const plain = new Error(serverText(messageOf(error).replace(/\bhttps?:\/\/[^\s"']*/g, withoutSecrets)));
  plain.name = isError(error) ? error.name : 'Error';
  const code = errnoOf(error);
  return code === undefined ? plain : Object.assign(plain, { code });
}

function withoutSecrets(text: string): string {
  return URL.canParse(text) ? redactUrl(new URL(text)) : '…';
}
