import { parsePax } from '../../../src/tar/read/pax.ts';
import { paxRecord } from '../../support/image/tar.ts';
import { endingOf, fault } from '../ending.ts';
import { mutateSome } from '../mutate/mutate-bytes.ts';
import { mutatePaxRecord } from '../mutate/mutate-tar.ts';
import type { Random } from '../mutate/random.ts';
import { bytesTarget } from '../target.ts';

const SEEDS: readonly Buffer[] = [
  Buffer.alloc(0),
  paxRecord('path', 'a/b'),
  Buffer.concat([paxRecord('mtime', '1.5'), paxRecord('size', '512'), paxRecord('path', 'x'.repeat(90))]),
  Buffer.concat([paxRecord('SCHILY.xattr.user.a', Buffer.from([0, 10, 61, 255])), paxRecord('linkpath', 'ü')]),
  Buffer.concat([
    paxRecord('GNU.sparse.offset', '0'),
    paxRecord('GNU.sparse.numbytes', '5'),
    paxRecord('GNU.sparse.offset', '9'),
  ]),
];

function mutate(seed: Buffer, other: Buffer, random: Random): Buffer {
  const records = random.once(2) ? Buffer.concat([seed, mutatePaxRecord(random)]) : seed;
  return random.once(4) ? records : mutateSome(records, other, random);
}

/** Writes the parsed records and parses them again: the records must be the same, and not longer than the input. */
function run(content: Buffer): string {
  const place = { where: undefined, offset: 0 };
  return endingOf(() => {
    const { values, sparsePairs } = parsePax(content, place);
    const pairs = sparsePairs.map((value, index): [string, string] => [
      index % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes',
      value,
    ]);
    const records = [...values, ...pairs].map(([key, value]) => latin1Record(key, value));
    const again = parsePax(Buffer.concat(records), place);
    if (JSON.stringify([...again.values]) !== JSON.stringify([...values])) throw fault('records are not what they say');
    if (again.sparsePairs.join() !== sparsePairs.join()) throw fault('a sparse map is not what it says');
    const bytes = records.reduce((sum, { length }) => sum + length, 0);
    if (bytes > content.length) throw fault(`${content.length} bytes hold records of ${bytes}`);
  });
}

/** Returns the record `LENGTH KEY=VALUE\n` as bytes (latin1). */
function latin1Record(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}

export const paxTarget = bytesTarget({
  name: 'pax',
  rule: 'PAX records are refused by an error of tsimg or mean what they say, and nothing more',
  seeds: () => SEEDS,
  mutate,
  run,
});
