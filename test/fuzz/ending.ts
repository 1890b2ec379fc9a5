import { TsimgError } from '../../src/errors.ts';

/** Returns how an action ended: `accepted`, or the code of its TsimgError. Another error is a fault, and is thrown. */
export function endingOf(action: () => unknown): string {
  try {
    action();
    return 'accepted';
  } catch (error) {
    return codeOrThrow(error);
  }
}

/** Returns the code of a TsimgError. Throws other errors. */
export function codeOrThrow(error: unknown): string {
  if (error instanceof TsimgError) return error.code;
  throw error;
}

/** A broken rule. */
export function fault(what: string): Error {
  return new Error(what);
}

/** Returns where two texts begin to differ; undefined for equal texts. */
export function differenceOf(found: string, expected: string): string | undefined {
  if (found === expected) return undefined;
  let at = 0;
  while (found[at] === expected[at]) at++;
  const from = Math.max(0, at - 200);
  return `\n  found    …${found.slice(from, at + 200)}\n  expected …${expected.slice(from, at + 200)}`;
}

/** Compares two texts. @throws with the place where they begin to differ */
export function mustEqual(found: string, expected: string, what: string): void {
  const difference = differenceOf(found, expected);
  if (difference !== undefined) throw fault(`${what}${difference}`);
}
