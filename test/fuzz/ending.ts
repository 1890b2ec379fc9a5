import { TsimgError } from '../../src/errors.ts';

/** How an action ended: `accepted`, or the code of its TsimgError. Whatever else it throws is a fault, and thrown on. */
export function endingOf(action: () => unknown): string {
  try {
    action();
    return 'accepted';
  } catch (error) {
    return codeOrThrow(error);
  }
}

/** The code of a TsimgError; others are thrown. */
export function codeOrThrow(error: unknown): string {
  if (error instanceof TsimgError) return error.code;
  throw error;
}

/** A broken rule. */
export function fault(what: string): Error {
  return new Error(what);
}

/** Where two texts begin to differ; undefined for equal ones. */
export function differenceOf(found: string, expected: string): string | undefined {
  if (found === expected) return undefined;
  let at = 0;
  while (found[at] === expected[at]) at++;
  const from = Math.max(0, at - 200);
  return `\n  found    …${found.slice(from, at + 200)}\n  expected …${expected.slice(from, at + 200)}`;
}

/** @throws when two texts differ: where they begin to */
export function mustEqual(found: string, expected: string, what: string): void {
  const difference = differenceOf(found, expected);
  if (difference !== undefined) throw fault(`${what}${difference}`);
}
