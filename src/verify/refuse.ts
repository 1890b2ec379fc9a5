import { VerificationError } from '@sigstore/verify';
import { TsimgError } from '../errors.ts';

/**
 * The bindings: each ties a signature to its maker or to an image. A refusal names the broken one (`facts.binding`).
 * docs/verify.md names the attack that each of them stops.
 */
export const BINDINGS = [
  'format',
  'limit',
  'signature',
  'key',
  'payload-type',
  'payload-digest',
  'docker-reference',
  'annotation',
  'predicate-type',
  'subject',
  'certificate',
  'code-signing',
  'sct',
  'identity',
  'issuer',
  'log',
  'log-entry',
  'log-key',
  'log-proof',
  'timestamp',
  'time',
] as const;

export type Binding = (typeof BINDINGS)[number];

/** The hint for a log or an authority that is not in the trusted root: it may be newer than the root. */
export const UPDATE_HINT = 'the trusted root may be old: tsimg trust update fetches the newest';

/** The reason of a refusal by time. */
export const OUT_OF_TIME = 'its certificate, or a CA above it, was not valid at the time of signing';

/** Makes the error for a signature that does not hold. @param why a clause about this signature */
export function refused(binding: Binding, why: string, { cause, hint }: RefusalContext = {}): TsimgError {
  return new TsimgError('SIGNATURE_INVALID', 'the signature does not hold', {
    why: `${binding}: ${why}`,
    hint,
    facts: { binding },
    cause,
  });
}

interface RefusalContext {
  readonly cause?: unknown;
  readonly hint?: string | undefined;
}

/** Returns the binding that a refusal names; undefined for any other error. */
export function bindingOf(error: unknown): Binding | undefined {
  if (!(error instanceof TsimgError) || error.code !== 'SIGNATURE_INVALID') return undefined;
  return BINDINGS.find((binding) => binding === error.facts.binding);
}

/** The binding for each error code of the library. */
const BINDING_OF_CODE: Readonly<Record<string, Binding>> = {
  SIGNATURE_ERROR: 'signature',
  PUBLIC_KEY_ERROR: 'key',
  CERTIFICATE_ERROR: 'certificate',
  TIMESTAMP_ERROR: 'timestamp',
  TLOG_ERROR: 'log',
  TLOG_BODY_ERROR: 'log-entry',
  TLOG_MISSING_INCLUSION_ERROR: 'log-proof',
  TLOG_INCLUSION_PROOF_ERROR: 'log-proof',
  TLOG_INCLUSION_PROMISE_ERROR: 'log-proof',
};

/** Returns whether the signer's certificate, or a CA above it, was not valid at the time of signing. */
function isOutOfTime({ cause }: VerificationError): boolean {
  return cause instanceof VerificationError && /not valid or expired/.test(cause.message);
}

/** Returns the reason of a refusal: the library's words, or ours where those are unclear. */
function whyOf(error: VerificationError): string {
  return error.code === 'CERTIFICATE_ERROR' && isOutOfTime(error) ? OUT_OF_TIME : error.message;
}

/** The bindings that may hold with a newer trusted root. */
const NEEDS_ROOT: ReadonlySet<Binding> = new Set(['certificate', 'timestamp']);

function bindingOfCause(error: VerificationError): Binding {
  if (error.code === 'CERTIFICATE_ERROR' && /\bSCT/.test(error.message)) return 'sct';
  if (error.code === 'TIMESTAMP_ERROR' && /^expected \d+ timestamps/.test(error.message)) return 'time';
  if (error.code === 'CERTIFICATE_ERROR' && isOutOfTime(error)) return 'time';
  return BINDING_OF_CODE[error.code] ?? 'signature';
}

/** Turns any error into a refusal of the signature: parsers of hostile bytes throw all kinds of errors. */
export function asRefusal(error: unknown): TsimgError {
  if (error instanceof TsimgError && bindingOf(error) !== undefined) return error;
  if (error instanceof VerificationError) {
    const binding = bindingOfCause(error);
    const hint = NEEDS_ROOT.has(binding) ? UPDATE_HINT : undefined;
    return refused(binding, whyOf(error), { cause: error, hint });
  }
  if (error instanceof TsimgError) {
    return refused(error.code === 'LIMIT_EXCEEDED' ? 'limit' : 'format', error.message, { cause: error });
  }
  return refused('format', 'it cannot be read', { cause: error });
}
