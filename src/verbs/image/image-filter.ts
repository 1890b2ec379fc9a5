import { TsimgError } from '../../errors.ts';
import { formatFamiliar, parseReference } from '../../oci/reference.ts';
import type { ListedImage } from './images.ts';

type Test = (image: ListedImage) => boolean;

/** Returns a test of whole texts by docker's pattern: `*` is any text without a slash, `?` one character of it. */
function patternTest(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/[^A-Za-z0-9]/g, (sign) =>
    sign === '*' ? '[^/]*' : sign === '?' ? '[^/]' : `\\${sign}`,
  );
  const expression = new RegExp(`^${source.replace(/(\[\^\/\]\*)+/g, '[^/]*')}$`);
  return (text) => expression.test(text);
}

/** Returns the texts that a pattern may match: with the tag and without it, as docker shows the name and in full. */
function spellings(name: string): readonly string[] {
  const full = parseReference(name);
  const { tag: _, ...untagged } = full;
  const familiar = [full, { ...untagged, tag: undefined }].map(formatFamiliar);
  return [...familiar, name, `${full.registry}/${full.repository}`];
}

function referenceTest(pattern: string): Test {
  const matches = patternTest(pattern);
  return ({ name }) => name !== undefined && spellings(name).some(matches);
}

function parseFilter(text: string): readonly [key: string, test: Test] {
  const [, key = '', value = ''] = /^([^=]+)=([\s\S]+)$/.exec(text) ?? [];
  if (key === 'reference') return [key, referenceTest(value)];
  if (key === 'dangling' && /^(true|false|1|0)$/.test(value)) {
    const wanted = value === 'true' || value === '1';
    return [key, ({ name }) => (name === undefined) === wanted];
  }
  const hint = "reference=PATTERN, such as 'reference=team/*', or dangling=true or false";
  throw new TsimgError('USAGE', 'not a filter', { where: text, hint });
}

/**
 * Parses docker's `--filter KEY=VALUE` for images, and the name or the pattern of `images NAME`: of several values of a
 * key one must match. @throws USAGE
 */
export function imageFilter(texts: readonly string[], name: string | undefined): Test {
  const tests = texts.map(parseFilter);
  const named = name === undefined ? undefined : referenceTest(name);
  return (image) =>
    (named === undefined || named(image)) &&
    tests.every(([key]) => tests.some(([other, test]) => other === key && test(image)));
}
