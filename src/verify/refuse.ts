import { VerificationError } from '@sigstore/verify';
import { TsimgError } from '../errors.ts';

/**
 * What ties a signature to an image and to its maker. Each is checked by itself, and a refusal names the one that is broken
 * (`facts.binding`). docs/verify.md has the attack that each of them stops.
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

/** The error for a signature that does not hold. @param why a sentence about this one signature */
export function refused(binding: Binding, why: string, cause?: unknown): TsimgError {
  return new TsimgError('SIGNATURE_INVALID', 'the signature does not hold', {
    why: `${binding}: ${why}`,
    facts: { binding },
    cause,
  });
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

function bindingOfCause(error: VerificationError): Binding {
  if (error.code === 'CERTIFICATE_ERROR' && /\bSCT/.test(error.message)) return 'sct';
  if (error.code === 'TIMESTAMP_ERROR' && /^expected \d+ timestamps/.test(error.message)) return 'time';
  return BINDING_OF_CODE[error.code] ?? 'signature';
}

/** Whatever is thrown while a signature is judged is a refusal of it: parsers of hostile bytes throw all kinds of errors. */
export function asRefusal(error: unknown): TsimgError {
  if (error instanceof TsimgError && bindingOf(error) !== undefined) return error;
  if (error instanceof VerificationError) return refused(bindingOfCause(error), error.message, error);
  return refused('format', 'it cannot be read', error);
}
