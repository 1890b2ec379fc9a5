import { ERROR_CODES, type ErrorCode, type ErrorFacts, isError, messageOf, TsimgError } from '../errors.ts';
import { nodeCallError } from './refused-call.ts';

/**
 * An error on its way to another thread or process of tsimg, as plain data: JSON and structured cloning keep neither
 * the class nor the fields of an error.
 */
export interface PortableError {
  /** Absent for an error that tsimg did not expect. */
  readonly code?: ErrorCode | undefined;
  readonly what: string;
  readonly where?: string | undefined;
  readonly why?: string | undefined;
  readonly hint?: string | undefined;
  readonly facts?: ErrorFacts | undefined;
  /** The stack of an error without a code. */
  readonly stack?: string | undefined;
}

/** Makes plain data of a thrown value. */
export function portableError(error: unknown): PortableError {
  const known = error instanceof TsimgError ? error : nodeCallError(error);
  if (known === undefined) return { what: messageOf(error), stack: isError(error) ? error.stack : undefined };
  const { code, what, where, why, hint, facts } = known;
  return { code, what, where, why, hint, facts };
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isFact(value: unknown): value is ErrorFacts[string] {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** The error that a `PortableError` was made of: a `TsimgError`, or an `Error` where tsimg did not expect it. */
export function receiveError(raw: unknown): Error {
  const fields = new Map<string, unknown>(typeof raw === 'object' && raw !== null ? Object.entries(raw) : []);
  const code = fields.get('code');
  const what = textOf(fields.get('what')) ?? 'an error without a message';
  if (!isErrorCode(code)) {
    const error = new Error(what);
    const stack = textOf(fields.get('stack'));
    if (stack !== undefined) error.stack = stack;
    return error;
  }
  const given = fields.get('facts');
  const facts: ErrorFacts = Object.fromEntries(
    Object.entries(typeof given === 'object' && given !== null ? given : {}).filter(([, value]) => isFact(value)),
  );
  return new TsimgError(code, what, {
    where: textOf(fields.get('where')),
    why: textOf(fields.get('why')),
    hint: textOf(fields.get('hint')),
    facts,
  });
}
