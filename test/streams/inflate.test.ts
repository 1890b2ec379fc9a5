import { createHash } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { createByteCursor } from '../../src/streams/decompress/byte-cursor.ts';
import { decodeByHost, takeOutputs } from '../../src/streams/decompress/decode-by-host.ts';
import { type Inflation, inflateByZlib } from '../../src/streams/decompress/inflate-by-zlib.ts';
import { openIsalInflater } from '../../src/sys/library/isal.ts';

const test = suite('streams/inflate');
const isal = openIsalInflater();
const OPTIONS = { format: 'gzip', where: 'x', hasFreeCore: () => true } as const;

/** Makes the same bytes for the same seed. */
function noise(seed: number, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) {
    blocks.push(createHash('sha256').update(`${seed} ${index}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** Makes words and noise, as in layers. */
function content(seed: number, length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = 0, index = 0; bytes < length; index++) {
    const piece =
      index % 3 === 0 ? noise(seed + index, 700) : Buffer.from(`line ${index % 97} of ${seed}\n`.repeat(60));
    pieces.push(piece);
    bytes += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, length);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

async function drain(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of chunks);
}

/** Returns the content of a stream and the bytes behind it, or the code of the error. */
async function inflate(by: 'isal' | 'zlib', bytes: Buffer, size: number, hasFreeCore = true) {
  const input = createByteCursor(cut(bytes, size));
  const told: Inflation = { compressedBytes: 0, size: 0, crc: 0 };
  const options = { format: 'gzip', where: 'x', outputs: takeOutputs(), hasFreeCore: () => hasFreeCore } as const;
  const hash = createHash('sha256');
  try {
    const decoder = by === 'isal' ? isal : undefined;
    const chunks = decoder ? decodeByHost(decoder, input, told, options) : inflateByZlib(input, 'x', told);
    for await (const chunk of chunks) hash.update(chunk);
    if (decoder !== undefined) told.crc = decoder.crc;
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  const behind: Buffer[] = [];
  for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) behind.push(chunk);
  return { ...told, digest: hash.digest('hex'), behind: Buffer.concat(behind).toString('hex') };
}

if (isal === undefined) {
  console.log('skipped: needs ISA-L (Debian package libisal2)');
} else {
  test('ISA-L and zlib agree on every kind of block, however the bytes are cut, and on the bytes behind', async () => {
    const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
    const streams = [0, 1, 6, 9].flatMap((level) =>
      strategies.map((strategy) => deflateRawSync(content(level, 400_000), { level, strategy })),
    );
    streams.push(
      deflateRawSync(Buffer.alloc(0)),
      deflateRawSync(Buffer.alloc(3_000_000)),
      deflateRawSync(noise(1, 70_000)),
    );
    for (const stream of streams) {
      const bytes = Buffer.concat([stream, Buffer.from('what is behind it')]);
      const expected = await inflate('zlib', bytes, 64 * 1024);
      assert.is.not(typeof expected, 'string');
      for (const size of [997, 20_000, 1_000_000]) {
        for (const free of [true, false]) assert.equal(await inflate('isal', bytes, size, free), expected);
      }
    }
    const short = deflateRawSync(Buffer.from('byte by byte, byte by byte'));
    assert.equal(await inflate('isal', short, 1), await inflate('zlib', short, 1));
  });

  test('both refuse damaged or truncated streams, or read the same', async () => {
    const whole = deflateRawSync(content(5, 60_000));
    let refused = 0;
    for (let index = 0; index < 400; index++) {
      const damaged = Buffer.from(whole);
      // Most visible errors are in the tables that a block begins with
      const at = index < 200 ? index : (index * 7919) % damaged.length;
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (index % 8));
      const [left, right] = [await inflate('isal', damaged, 4096), await inflate('zlib', damaged, 4096)];
      if (typeof right === 'string') refused += 1;
      assert.equal(left, right, `bit ${index % 8} of byte ${at}`);
    }
    assert.ok(refused > 20);
    for (let length = 0; length < whole.length; length += 501) {
      assert.is(await inflate('isal', whole.subarray(0, length), 4096), 'COMPRESSION_INVALID');
    }
  });

  test('a reader may leave in the middle', async () => {
    const input = createByteCursor(cut(deflateRawSync(noise(3, 2_000_000)), 100_000));
    const told: Inflation = { compressedBytes: 0, size: 0, crc: 0 };
    for await (const _ of decodeByHost(isal, input, told, OPTIONS)) break;
    const again = deflateRawSync(Buffer.from('and the inflater serves for the next'));
    assert.equal(await inflate('isal', again, 100), await inflate('zlib', again, 100));
  });

  test('the error of the input is the error of the content', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield deflateRawSync(noise(3, 2_000_000)).subarray(0, 300_000);
      throw new TsimgError('DIGEST_MISMATCH', 'the input fails');
    }
    const told: Inflation = { compressedBytes: 0, size: 0, crc: 0 };
    const chunks = decodeByHost(isal, createByteCursor(failing()), told, OPTIONS);
    const error = await drain(chunks).catch((reason: unknown) => reason);
    assert.is(error instanceof TsimgError && error.code, 'DIGEST_MISMATCH');
  });
}

test.run();
