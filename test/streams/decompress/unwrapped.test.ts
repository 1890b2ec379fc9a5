import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { collect } from '../../../src/streams/collect.ts';
import { unwrapped } from '../../../src/streams/decompress/unwrapped.ts';

const test = suite('streams/decompress/unwrapped');

const content = Buffer.from(Array.from({ length: 30_000 }, (_, index) => `${index * 7919}\n`).join(''));

function unwrap(bytes: Buffer): Promise<Buffer> {
  const chunks = [bytes.subarray(0, 3), bytes.subarray(3, 70_000), bytes.subarray(70_000)];
  return collect(unwrapped(Readable.from(chunks, { objectMode: false }), 'x.tar.gz'), 10_000_000, 'x');
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  return 'none';
}

test('gzip is removed, and other content passes', async () => {
  assert.ok((await unwrap(gzipSync(content))).equals(content));
  assert.ok((await unwrap(content)).equals(content));
});

test('zero padding behind the gzip is no error', async () => {
  assert.ok((await unwrap(Buffer.concat([gzipSync(content), Buffer.alloc(9000)]))).equals(content));
});

test('truncated or damaged gzip is invalid', async () => {
  const bytes = gzipSync(content);
  assert.is(await codeOf(unwrap(bytes.subarray(0, bytes.length - 9))), 'COMPRESSION_INVALID');
  const damaged = Buffer.from(bytes);
  damaged.fill(0xff, 4000, 4100);
  assert.is(await codeOf(unwrap(damaged)), 'COMPRESSION_INVALID');
});

test('nested wrappings are refused', async () => {
  assert.is(await codeOf(unwrap(gzipSync(gzipSync(gzipSync(content))))), 'COMPRESSION_INVALID');
});

test('xz is named in the error', async () => {
  assert.is(await codeOf(unwrap(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]))), 'FORMAT_UNSUPPORTED');
});

test('a failing source fails the content with its own error', async () => {
  const source = Readable.from(
    (async function* () {
      yield gzipSync(content).subarray(0, 1000);
      throw new TsimgError('BLOB_NOT_FOUND', 'gone');
    })(),
  );
  assert.is(await codeOf(collect(unwrapped(source, 'x'), 10_000_000, 'x')), 'BLOB_NOT_FOUND');
});

test.run();
