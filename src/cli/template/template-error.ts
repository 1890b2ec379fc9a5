import { TsimgError } from '../../errors.ts';

/** The longest part of a template that a message repeats: characters. */
const LONGEST = 200;

/** The error for a template that cannot be read. @param where the action */
export function notTemplate(where: string, why: string, hint?: string): TsimgError {
  return new TsimgError('USAGE', 'not a format', {
    where: where.slice(0, LONGEST),
    why,
    hint: hint ?? 'write {{.Field}}, {{json .Field}}, or another action of Go’s text/template; or use --json and jq',
  });
}

/** The error for a template that does not fit the value. @param where the action */
export function notFilled(where: string, why: string, hint?: string): TsimgError {
  return new TsimgError('USAGE', 'the format does not fit', {
    where: where.slice(0, LONGEST),
    why,
    hint: hint ?? '{{json .}} shows all that there is',
  });
}
