import { VerificationError } from '@sigstore/verify';
import { TsimgError } from '../errors.ts';

/**
 * What ties a signature to an image and to its maker. Each is checked by itself, and a refusal names the one that is
 * broken (`facts.binding`). docs/verify.md has the attack that each of them stops.
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

/** What helps where a log or an authority is not in the trusted root: signers may use a newer one. */
export const UPDATE_HINT = 'the trusted root may be old: tsimg trust update fetches the newest';

/** Why a signature does not hold by its time. */
export const OUT_OF_TIME = 'its certificate, or one that issued it, was not valid when it signed';

/** The error for a signature that does not hold. @param why a sentence about this one signature */
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

/** The binding that an error names; undefined for any other error. */
export function bindingOf(error: unknown): Binding | undefined {
  if (!(error instanceof TsimgError) || error.code !== 'SIGNATURE_INVALID') return undefined;
  return BINDINGS.find((binding) => binding === error.facts.binding);
}

/** Which of our bindings a refusal of the library's is about. */
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

/** Whether a certificate, or one of those that issued it, was not valid when it signed. */
function isOutOfTime({ cause }: VerificationError): boolean {
  return cause instanceof VerificationError && /not valid or expired/.test(cause.message);
}

/** What a refusal says where the library's own words do not tell it. */
function whyOf(error: VerificationError): string {
  return error.code === 'CERTIFICATE_ERROR' && isOutOfTime(error) ? OUT_OF_TIME : error.message;
}

/** Bindings that a newer trusted root may mend. */
const NEEDS_ROOT: ReadonlySet<Binding> = new Set(['certificate', 'timestamp']);

function bindingOfCause(error: VerificationError): Binding {
  if (error.code === 'CERTIFICATE_ERROR' && /\bSCT/.test(error.message)) return 'sct';
  if (error.code === 'TIMESTAMP_ERROR' && /^expected \d+ timestamps/.test(error.message)) return 'time';
  if (error.code === 'CERTIFICATE_ERROR' && isOutOfTime(error)) return 'time';
  return BINDING_OF_CODE[error.code] ?? 'signature';
}

/**
 * Whatever is thrown while a signature is judged is a refusal of it: parsers of hostile bytes throw all kinds of
 * errors.
 */
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
