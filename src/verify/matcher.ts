import { TsimgError } from '../errors.ts';

/** A wanted value: the exact text, or a pattern that is searched in the value, as cosign does. */
export type Matcher = { readonly exactly: string } | { readonly pattern: RegExp };

/**
 * Compiles a pattern, which is not anchored. The syntax is JavaScript's, which shares most of Go's; a leading `(?i)`
 * ignores case.
 * @param option the option's name, for errors
 * @throws USAGE
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
