import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseContentRange } from '../../src/registry/content-range.ts';

const test = suite('registry/content-range');

test('a range has its first and last byte, and the size where it is known', () => {
  assert.equal(parseContentRange('bytes 5-9/10'), { start: 5, end: 9, size: 10 });
  assert.equal(parseContentRange('Bytes 0-0/*'), { start: 0, end: 0, size: undefined });
});

test('anything else is none', () => {
  for (const text of [undefined, '', 'bytes */10', 'items 0-1/2', 'bytes 5-9', 'bytes -5-9/10', 'bytes 1e3-9/10']) {
    assert.is(parseContentRange(text), undefined, text);
  }
});

test.run();
