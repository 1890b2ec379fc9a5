import { errnoOf, TsimgError } from '../errors.ts';
import { redactError, redactUrl } from './redact.ts';

const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)/;
const NO_TLS = /^(EPROTO$|ERR_SSL_)/;

/** Why and what to do, by the error code of Node's sockets and TLS. */
function explain(errno: string, url: URL): { why?: string; hint?: string } {
  if (CERTIFICATE.test(errno)) {
    return {
      why: `its certificate is not trusted (${errno})`,
      hint: "put its authority's certificate as NAME.crt into a folder and name that with --cert-dir, or give up checking with --tls-verify=false",
    };
  }
  if (NO_TLS.test(errno)) {
    return { why: 'it does not speak TLS', hint: 'plain HTTP, without any protection, needs --tls-verify=false' };
  }
  if (errno === 'ENOTFOUND') return { why: `there is no host ${url.hostname}`, hint: 'check the name' };
  if (errno === 'ECONNREFUSED') return { why: 'connection refused', hint: 'is the registry running there?' };
  if (errno === 'ECONNRESET') return { why: 'the connection broke off' };
  if (errno === 'ETIMEDOUT') return { why: 'it does not answer in time' };
  if (errno === 'EAI_AGAIN') return { why: 'its name cannot be looked up now', hint: 'check the network' };
  return {};
}

/** Whether an error is about the other side's certificate: it does speak TLS, and nothing else is to be tried. */
export function isCertificateError(error: unknown): boolean {
  return CERTIFICATE.test(errnoOf(error) ?? '');
}

/** The HTTP client's error as ours, with `facts.errno`, and without the request's headers. */
export function connectionError(error: unknown, url: URL): TsimgError {
  if (error instanceof TsimgError) return error;
  // thrown while connecting (proxy, certificates): the client wraps it
  if (error instanceof Error && error.cause instanceof TsimgError) return error.cause;
  const cause = redactError(error);
  const errno = errnoOf(error) ?? 'unknown';
  return new TsimgError('REGISTRY_UNREACHABLE', 'no answer from the registry', {
    where: redactUrl(url),
    why: cause.message,
    ...explain(errno, url),
    facts: { errno },
    cause,
  });
}
