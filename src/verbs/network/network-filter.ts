import { TsimgError } from '../../errors.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { hasLabel } from '../../launch/options/labels.ts';

type Test = (network: NamedNetwork) => boolean;

/** Tests by key; undefined for a value that no network can have. */
const TESTS = new Map<string, (value: string) => Test | undefined>([
  ['name', (value) => (network) => network.name.includes(value)],
  ['id', (value) => (network) => network.id.startsWith(value)],
  ['driver', (value) => (value === 'bridge' ? () => true : undefined)],
  ['label', (value) => (network) => hasLabel(network.labels, value)],
]);

/**
 * Parses docker's `--filter KEY=VALUE` for networks: of several values of a key one must match, of labels all.
 * @throws USAGE
 */
export function networkFilter(texts: readonly string[]): Test {
  const tests = texts.map((text) => {
    const [, key = '', value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
    const test = TESTS.get(key)?.(value);
    if (test !== undefined) return { key, test };
    const hint = 'name=TEXT, id=START, label=NAME[=VALUE], or driver=bridge';
    throw new TsimgError('USAGE', 'not a filter', { where: text, hint });
  });
  return (network) =>
    tests.every(
      ({ key, test }) =>
        test(network) || (key !== 'label' && tests.some((other) => other.key === key && other.test(network))),
    );
}
