import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { parseDigest } from '../../src/oci/digest.ts';
import { collect } from '../../src/streams/collect.ts';
import { hashing } from '../../src/streams/hashing.ts';
import { limited } from '../../src/streams/limited.ts';
import { verified } from '../../src/streams/verified.ts';

const test = suite('streams/verified');

const chunks = [Buffer.from('hello '), Buffer.from('world')];
const content = Buffer.concat(chunks);

function descriptorOf(bytes: Buffer, algorithm = 'sha256') {
  const hex = createHash(algorithm).update(bytes).digest('hex');
  return { digest: parseDigest(`${algorithm}:${hex}`), size: bytes.length };
}

function source(): Readable {
  return Readable.from(chunks, { objectMode: false });
}

async function errorOf(promise: Promise<unknown>): Promise<TsimgError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

/** Returns the bytes before the stream ends or fails, and the code of its error. */
async function read(stream: AsyncIterable<Buffer>): Promise<{ bytes: number; code: string }> {
  let bytes = 0;
  try {
    for await (const chunk of stream) bytes += chunk.length;
  } catch (error) {
    return { bytes, code: error instanceof TsimgError ? error.code : String(error) };
  }
  return { bytes, code: 'ended' };
}

test('content with the size and digest of its descriptor ends well, by sha256 and by sha512', async () => {
  for (const algorithm of ['sha256', 'sha512']) {
    assert.equal(await read(source().pipe(verified(descriptorOf(content, algorithm), 'x'))), {
      bytes: 11,
      code: 'ended',
    });
  }
});

test('other content of the right size fails instead of ending', async () => {
  const other = { ...descriptorOf(Buffer.from('HELLO WORLD')) };
  assert.is((await read(source().pipe(verified(other, 'x')))).code, 'DIGEST_MISMATCH');
});

test('content that is too short fails instead of ending', async () => {
  assert.is((await read(source().pipe(verified({ ...descriptorOf(content), size: 12 }, 'x')))).code, 'SIZE_MISMATCH');
});

test('content that is too long fails at the first chunk beyond, which is not passed on', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.from('hello ');
    })(),
    { objectMode: false },
  );
  const { bytes, code } = await read(endless.pipe(verified({ ...descriptorOf(content), size: 7 }, 'x')));
  assert.is(code, 'SIZE_MISMATCH');
  assert.ok(bytes <= 7);
  endless.destroy();
});

test('the error of a mismatch has the expected and the found value', async () => {
  const error = await errorOf(
    collect(source().pipe(verified({ ...descriptorOf(content), size: 12 }, 'blob')), 99, 'x'),
  );
  assert.is(error.where, 'blob');
  assert.equal(error.facts, { expected: 12, found: 11 });
});

test('hashing knows size and digest of the bytes', async () => {
  const hash = hashing('sha256');
  assert.ok((await collect(source().pipe(hash.stream), 99, 'x')).equals(content));
  assert.is(hash.size(), 11);
  assert.is(hash.digest(), descriptorOf(content).digest);
  assert.is(hash.digest(), descriptorOf(content).digest);
});

test('limited passes the last allowed byte, and fails at the next', async () => {
  assert.equal(await read(source().pipe(limited({ bytes: 11 }, 'x'))), { bytes: 11, code: 'ended' });
  assert.is((await read(source().pipe(limited({ bytes: 10 }, 'x')))).code, 'LIMIT_EXCEEDED');
});

test('the hint of a limit names its option', async () => {
  const limit = { bytes: 10, option: '--max-layer-size' };
  const error = await errorOf(collect(source().pipe(limited(limit, 'x')), 99, 'x'));
  assert.match(error.hint ?? '', /--max-layer-size/);
  assert.is(error.facts.option, '--max-layer-size');
});

test('collect takes as much as its limit allows, and closes a longer stream', async () => {
  assert.ok((await collect(source(), 11, 'x')).equals(content));
  const stream = source();
  assert.is((await errorOf(collect(stream, 10, 'x'))).code, 'LIMIT_EXCEEDED');
  assert.ok(stream.destroyed);
});

test.run();
