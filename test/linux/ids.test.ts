import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mapId, parseId, parseSubordinateIds } from '../../src/linux/ids.ts';

const test = suite('linux/ids');

test('an ID is decimal and below 2^32-1', () => {
  assert.is(parseId('0'), 0);
  assert.is(parseId('4294967294'), 4_294_967_294);
  for (const text of ['', '-1', '4294967295', '4294967296', '1e3', ' 1', '0x10', '99999999999999999999'])
    assert.is(parseId(text), undefined, text);
});

test('subordinate ranges are a user’s by name or by number, and malformed lines are skipped', () => {
  const text = 'joe:100000:65536\n1000:300000:10\nann:1:2\njoe:x:1\njoe:1:0\njoe:4294967000:65536\njoe:1:2:3\n';
  assert.equal(parseSubordinateIds(text, 'joe', 1000), [
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ]);
  assert.equal(parseSubordinateIds(text, undefined, 7), []);
});

test('a map finds the outside ID, or none', () => {
  const map = [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 10 },
  ];
  assert.equal([mapId(map, 0), mapId(map, 10), mapId(map, 11)], [1000, 100_009, undefined]);
});

test.run();
