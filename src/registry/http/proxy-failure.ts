import { errnoOf, messageOf } from '../../errors.ts';
import { serverText } from '../failure/redact.ts';
import { proxyError } from './proxy.ts';

/** Errors of Node's sockets on the way to a proxy, in words. */
const SOCKET_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke off',
  ETIMEDOUT: 'it does not answer in time',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'no route leads there',
  ENETUNREACH: 'no route leads there',
};

/** The messages of the SOCKS client, in words; the replies of a proxy have the names of RFC 1928, section 6. */
const SOCKS_WORDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Socks5 Authentication failed/, 'it refuses the user or the password'],
  [/no accepted authentication type/, 'it wants a user and a password'],
  [/rejected connection - NotAllowed/, 'its rules do not allow this connection'],
  [/rejected connection - (?:NetworkUnreachable|HostUnreachable|TTLExpired)/, 'it cannot reach the host'],
  [/rejected connection - ConnectionRefused/, 'the host refuses its connection'],
  [/rejected connection/, 'it does not make the connection'],
  [/timed out/, 'it does not answer in time'],
  [/handshake|Negotiation/, 'it does not speak SOCKS 5'],
  [/^Socket closed/, 'the connection broke off'],
];

const CERTIFICATE = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;

/** Whether an error comes from the way to a proxy, so that the proxy's name belongs into it. */
export function isProxyFailure(error: unknown): boolean {
  const errno = errnoOf(error) ?? '';
  return (
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(errno) || CERTIFICATE.test(errno)
  );
}

/** The error of a request that did not reach a proxy, or that the proxy did not pass on. */
export function proxyFailure(proxy: URL, error: unknown): Error {
  const message = messageOf(error);
  // The SOCKS client keeps the text of a socket's error, not its code.
  const errno = errnoOf(error) ?? /\b(E[A-Z]{4,20})\b/.exec(message)?.[1] ?? '';
  const socks = SOCKS_WORDS.find(([pattern]) => pattern.test(message))?.[1];
  const certificate = CERTIFICATE.test(errno) ? `its certificate is not trusted (${errno})` : undefined;
  const noHttp = /^HPE_/.test(errno) ? `its answer is not valid HTTP (${errno})` : undefined;
  return proxyError(proxy, SOCKET_WORDS[errno] ?? certificate ?? noHttp ?? socks ?? serverText(message, 200));
}
