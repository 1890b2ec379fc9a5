import { ERROR_CODES, type ErrorCode, type ErrorFacts, messageOf, TsimgError } from '../errors.ts';
import { nodeCallError } from './refused-call.ts';

/** An error's parts, on their way from one of our processes to another as JSON. */
export interface PortableError {
  readonly code: ErrorCode;
  readonly what: string;
  readonly where?: string | undefined;
  readonly why?: string | undefined;
  readonly hint?: string | undefined;
  readonly facts: ErrorFacts;
}

/** Whatever was thrown, for the way. */
export function portableError(error: unknown): PortableError {
  const known = error instanceof TsimgError ? error : nodeCallError(error);
  if (known === undefined) return { code: 'LAUNCH_FAILED', what: messageOf(error), facts: {} };
  const { code, what, where, why, hint, facts } = known;
  return { code, what, where, why, hint, facts };
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isFact(value: unknown): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** What came over the way → the error as it was thrown there. */
export function receiveError(raw: unknown): TsimgError {
  const fields = new Map<string, unknown>(typeof raw === 'object' && raw !== null ? Object.entries(raw) : []);
  const code = fields.get('code');
  const given = fields.get('facts');
  const facts: ErrorFacts = Object.fromEntries(
    Object.entries(typeof given === 'object' && given !== null ? given : {}).filter(([, value]) => isFact(value)),
  );
  return new TsimgError(isErrorCode(code) ? code : 'LAUNCH_FAILED', textOf(fields.get('what')) ?? 'the launch failed', {
    where: textOf(fields.get('where')),
    why: textOf(fields.get('why')),
    hint: textOf(fields.get('hint')),
    facts,
  });
}
