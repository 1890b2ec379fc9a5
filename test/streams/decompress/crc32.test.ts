import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32, crc32ByTable } from '../../../src/streams/decompress/crc32.ts';

const test = suite('streams/decompress/crc32');

test('the check value of CRC-32 is right, with and without zlib', () => {
  assert.is(crc32ByTable(Buffer.from('123456789')), 0xcbf43926);
  assert.is(crc32(Buffer.from('123456789')), 0xcbf43926);
});

test('it continues from an earlier value', () => {
  for (const crc of [crc32, crc32ByTable]) assert.is(crc(Buffer.from('56789'), crc(Buffer.from('1234'))), 0xcbf43926);
});

test.run();
