import { TsimgError } from '../errors.ts';

/** A wanted value: the very bytes, or a pattern that is searched in them, as cosign does. */
export type Matcher = { readonly exactly: string } | { readonly pattern: RegExp };

/**
 * A pattern of Go's syntax as far as JavaScript's is the same; a leading `(?i)` ignores case. Not anchored.
 * @param option for errors @throws USAGE
 */
export function parsePattern(text: string, option: string): RegExp {
  const ignoresCase = text.startsWith('(?i)');
  try {
    return new RegExp(ignoresCase ? text.slice(4) : text, ignoresCase ? 'iu' : 'u');
  } catch (cause) {
    throw new TsimgError('USAGE', 'not a regular expression', {
      where: `${option} ${text}`,
      hint: 'to compare literally, use the option without -regexp',
      cause,
    });
  }
}
