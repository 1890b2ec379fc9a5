import { errnoOf, TsimgError } from '../../errors.ts';
import { redactError, redactUrl, serverText } from './redact.ts';

const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)/;
const TLS = /^(EPROTO$|ERR_SSL_)/;
/** OpenSSL's words for an answer that is no TLS record. */
const NO_TLS = /^(wrong version number|packet length too long|http request|unknown protocol)$/;
/** Errors of a server that has not sent any TLS. A handshake that began and failed gives other errors. */
const SILENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT']);

interface Explanation {
  readonly why?: string;
  readonly hint?: string;
}

const NO_CHECK = 'or give up checking with --tls-verify=false';

const NO_HTTP = 'check the name and the port, or tell its operator; a proxy on the way may be the cause';

function explainCertificate(errno: string, url: URL): Explanation {
  if (errno === 'CERT_HAS_EXPIRED') {
    return {
      why: 'its certificate has expired',
      hint: `check this machine's clock, or tell its operator; ${NO_CHECK}`,
    };
  }
  if (errno === 'CERT_NOT_YET_VALID') {
    return { why: 'its certificate is not valid yet', hint: `check this machine's clock, ${NO_CHECK}` };
  }
  if (/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/.test(errno)) {
    return { why: `its certificate is not for ${url.hostname}`, hint: `check the name, ${NO_CHECK}` };
  }
  return {
    why: `its certificate is not trusted (${errno})`,
    hint: `put its authority's certificate as NAME.crt into a folder and name that with --cert-dir, ${NO_CHECK}`,
  };
}

/** OpenSSL's complaint in lower case: `tlsv1 alert protocol version`; undefined for errors outside of TLS. */
function tlsReason(errno: string, message: string): string | undefined {
  if (!TLS.test(errno)) return undefined;
  const told = /:SSL routines:[^:]*:([^:]{1,100})/.exec(message)?.[1];
  return (told ?? errno.replace(/^ERR_SSL_/, '').replaceAll('_', ' ')).toLowerCase().trim();
}

function explainHandshake(reason: string): Explanation {
  if (NO_TLS.test(reason)) {
    return { why: 'it does not speak TLS', hint: 'plain HTTP, without any protection, needs --tls-verify=false' };
  }
  if (/certificate/.test(reason)) {
    const hint = 'put NAME.cert and NAME.key into a folder and name that with --cert-dir';
    return { why: "it does not take this client's certificate, or wants one", hint };
  }
  if (/protocol|version/.test(reason)) {
    return { why: 'it speaks no version of TLS that is safe (1.2 or later)', hint: 'tell its operator' };
  }
  if (/unrecognized name/.test(reason)) return { why: 'it does not know this name', hint: 'check the name' };
  return {
    why: `the TLS handshake failed (${serverText(reason, 100)})`,
    hint: 'it may want a client certificate (--cert-dir), or speak TLS of another kind',
  };
}

/** The cause and the remedy for an error code of Node's sockets and TLS. */
function explain(errno: string, reason: string | undefined, url: URL): Explanation {
  if (CERTIFICATE.test(errno)) return explainCertificate(errno, url);
  if (reason !== undefined) return explainHandshake(reason);
  if (errno === 'ENOTFOUND') return { why: `there is no host ${url.hostname}`, hint: 'check the name' };
  if (errno === 'ECONNREFUSED') return { why: 'connection refused', hint: 'is the registry running there?' };
  if (errno === 'ECONNRESET') return { why: 'the connection broke off' };
  if (errno === 'ETIMEDOUT') return { why: 'it does not answer in time' };
  if (errno === 'EPROXY') return { hint: 'check the variable of the proxy, or except the registry by no_proxy' };
  if (errno === 'HPE_HEADER_OVERFLOW') return { why: 'the headers of its answer are too long', hint: NO_HTTP };
  if (/^HPE_/.test(errno)) return { why: `its answer is not valid HTTP (${errno})`, hint: NO_HTTP };
  if (errno === 'EAI_AGAIN') return { why: 'its name cannot be looked up now', hint: 'check the network' };
  return {};
}

/** Returns whether the server may not speak TLS at all. After a failed handshake, plain HTTP must not be tried. */
export function maySpeakPlain(error: unknown): boolean {
  if (!(error instanceof TsimgError)) return false;
  const { tls } = error.facts;
  return typeof tls === 'string' ? NO_TLS.test(tls) : SILENT.has(errnoOf(error) ?? '');
}

/** Returns whether a server that plain HTTP has failed at may speak TLS: it ended the connection, or said no HTTP. */
export function maySpeakTls(error: unknown): boolean {
  const errno = errnoOf(error) ?? '';
  return errno === 'ECONNRESET' || errno === 'EPIPE' || errno.startsWith('HPE_');
}

/** Converts an error of the HTTP client, with `facts.errno` and without the request's headers. */
export function connectionError(error: unknown, url: URL): TsimgError {
  if (error instanceof TsimgError) return error;
  // Thrown while connecting (proxy, certificates), and wrapped by the client.
  if (error instanceof Error && error.cause instanceof TsimgError) return error.cause;
  const cause = redactError(error);
  const errno = errnoOf(error) ?? 'unknown';
  const tls = tlsReason(errno, cause.message);
  return new TsimgError('REGISTRY_UNREACHABLE', 'no answer from the registry', {
    where: redactUrl(url),
    why: cause.message,
    ...explain(errno, tls, url),
    facts: { errno, ...(tls === undefined ? {} : { tls }) },
    cause,
  });
}
