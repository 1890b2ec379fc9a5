import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseByteSize } from '../src/byte-size.ts';

const test = suite('byte-size');

test('a size is a number of bytes, whole or with a fraction, or has a unit of 1024', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['4096', 4096],
    ['1b', 1],
    ['64k', 65_536],
    ['512m', 536_870_912],
    ['1.5g', 1_610_612_736],
    ['1T', 1_099_511_627_776],
    ['2kib', 2048],
    ['3MB', 3_145_728],
    ['0.3', 0],
  ] as const) {
    assert.is(parseByteSize(text), bytes, text);
  }
});

test('any other text, and a size beyond 2^53, is no size', () => {
  for (const text of ['', '-1', '+1', '1.', '.5', '1,5g', '1x', 'm', ' 1', '1 k', '0x10', '1e3', '9999999999999t']) {
    assert.is(parseByteSize(text), undefined, text);
  }
});

test.run();
