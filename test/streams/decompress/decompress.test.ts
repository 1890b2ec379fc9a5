import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { createByteCursor } from '../../../src/streams/decompress/byte-cursor.ts';
import { compressionOf } from '../../../src/streams/decompress/compression.ts';
import { decompressChunks, decompressed } from '../../../src/streams/decompress/decompress.ts';
import { checkGzipTrailer, skipGzipHeader } from '../../../src/streams/decompress/gzip-member.ts';
import { inflateByZlib } from '../../../src/streams/decompress/inflate-by-zlib.ts';
import { parseFrameHeader } from '../../../src/streams/decompress/zstd-frame.ts';
import { findTool, haveTools } from '../../support/tools.ts';

const test = suite('streams/decompress/decompress');

/** 700 kB that compress, but not to a few bytes. */
const text = Buffer.from(
  Array.from({ length: 40_000 }, (_, index) => `line ${(index * 2_654_435_761) % 4_294_967_296}\n`).join(''),
);

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

async function decompress(bytes: Buffer, chunk = 64 * 1024) {
  const trailing: number[] = [];
  const source = Readable.from(cut(bytes, chunk), { objectMode: false });
  const output: Buffer[] = [];
  for await (const piece of decompressed(source, { where: 'x', onTrailing: (count) => trailing.push(count) })) {
    output.push(piece);
  }
  return { content: Buffer.concat(output), trailing };
}

async function failure(bytes: Buffer, chunk?: number): Promise<TsimgError> {
  try {
    await decompress(bytes, chunk);
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

async function same(bytes: Buffer, expected: Buffer, trailing: readonly number[] = []): Promise<void> {
  for (const chunk of [1 << 20, 64 * 1024, 1009]) {
    const found = await decompress(bytes, chunk);
    assert.ok(found.content.equals(expected), `chunks of ${chunk}`);
    assert.equal(found.trailing, trailing);
  }
}

function run(tool: string, args: readonly string[], input: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync(findTool(tool) ?? tool, args, { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${tool}: ${stderr}`);
  return stdout;
}

/**
 * Flips single bits behind the magic, the same ones on every run. The result must not depend on how the bytes are cut.
 */
async function damage(good: Buffer, magicBytes: number): Promise<void> {
  const outcome = async (bytes: Buffer, chunk: number) => {
    try {
      return (await decompress(bytes, chunk)).content.toString('latin1');
    } catch (error) {
      assert.instance(error, TsimgError);
      return String(error);
    }
  };
  let seed = 7;
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(good);
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const at = magicBytes + (seed % (bytes.length - magicBytes));
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (round % 8)), at);
    assert.is(await outcome(bytes, 997), await outcome(bytes, 1 << 20), `byte ${at}`);
  }
}

test('an error of the source behind the last member is thrown, whichever library inflates', async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield gzipSync(text);
    throw new Error('the digest is wrong');
  }
  const drained = async (content: AsyncIterable<Buffer>) => {
    try {
      for await (const _ of content);
      return 'nothing';
    } catch (error) {
      return String(error);
    }
  };
  assert.match(await drained(decompressChunks(failing(), { where: 'x' })), 'the digest is wrong');
  const input = createByteCursor(failing());
  await skipGzipHeader(input, 'x');
  const inflation = { compressedBytes: 0, size: 0, crc: 0 };
  const behind = async function* () {
    yield* inflateByZlib(input, 'x', inflation);
    await checkGzipTrailer(input, inflation, 'x');
    await input.peek(1);
  };
  assert.match(await drained(behind()), 'the digest is wrong');
});

test('memory of the input may be used again two chunks later', async () => {
  async function* poisoned(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
    const given: Buffer[] = [];
    for (const piece of cut(bytes, size)) {
      const copy = Buffer.from(piece);
      given.push(copy);
      yield copy;
      // The reader asks for the next chunk: the memory before the last chunk can be used again
      if (given.length > 1) given.shift()?.fill(0xa5);
    }
  }
  const small = Array.from({ length: 50 }, (_, index) => gzipSync(text.subarray(index * 3000, index * 3000 + 3000)));
  const archives: Buffer[] = [text, gzipSync(text), gzipSync(text, { level: 0 }), Buffer.concat(small)];
  if (haveTools('zstd')) archives.push(run('zstd', ['-c'], text), run('zstd', ['-c', '--no-content-size', '-1'], text));
  for (const archive of archives) {
    const expected = (await decompress(archive)).content;
    for (const size of [512, 30_000, 256 * 1024]) {
      const pieces: Buffer[] = [];
      for await (const chunk of decompressChunks(poisoned(archive, size), { where: 'x', reuse: true })) {
        pieces.push(Buffer.from(chunk));
      }
      assert.ok(Buffer.concat(pieces).equals(expected), `chunks of ${size}`);
    }
  }
});

test('content without a known magic is passed on unchanged', async () => {
  await same(text, text);
  await same(Buffer.alloc(0), Buffer.alloc(0));
  await same(Buffer.alloc(1024), Buffer.alloc(1024));
});

test('a gzip member is inflated', async () => {
  await same(gzipSync(text), text);
  await same(gzipSync(Buffer.alloc(0)), Buffer.alloc(0));
});

test('consecutive members are one content', async () => {
  await same(
    Buffer.concat([gzipSync(text), gzipSync('more'), gzipSync(''), gzipSync(text)]),
    Buffer.concat([text, Buffer.from('more'), text]),
  );
});

test('a thousand small members are read as one content', async () => {
  const members = Array.from({ length: 1000 }, (_, index) => text.subarray(index * 300, index * 300 + 300));
  await same(Buffer.concat(members.map((member) => gzipSync(member))), Buffer.concat(members));
});

test('a member is found behind zero padding', async () => {
  const zeros = Buffer.alloc(5000);
  await same(
    Buffer.concat([gzipSync(text), zeros, gzipSync('more'), zeros]),
    Buffer.concat([text, Buffer.from('more')]),
  );
});

test('bytes behind the last member are ignored and counted', async () => {
  await same(Buffer.concat([gzipSync(text), Buffer.from('garbage')]), text, [7]);
  await same(Buffer.concat([gzipSync(text), Buffer.alloc(512), Buffer.from('garbage'), gzipSync('x')]), text, [
    7 + gzipSync('x').length,
  ]);
  await same(Buffer.concat([gzipSync(text), Buffer.from([0x1f])]), text, [1]);
});

test('zero padding behind the last member is no garbage', async () => {
  await same(Buffer.concat([gzipSync(text), Buffer.alloc(70_000)]), text);
});

test('a gzip header may have an extra field, a name, a comment and a checksum', async () => {
  const plain = gzipSync('hello');
  const header = Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3]);
  const extra = Buffer.from([3, 0, 1, 2, 3]);
  const names = Buffer.from(`${'n'.repeat(700)}\0${'c'.repeat(3)}\0`);
  await same(Buffer.concat([header, extra, names, Buffer.from([9, 9]), plain.subarray(10)]), Buffer.from('hello'));
});

test('a name in a gzip header has 64 KiB at most', async () => {
  const named = (length: number) => {
    const header = Buffer.from([0x1f, 0x8b, 8, 0x08, 0, 0, 0, 0, 0, 3]);
    return Buffer.concat([header, Buffer.from(`${'n'.repeat(length)}\0`), gzipSync('hello').subarray(10)]);
  };
  await same(named(64 * 1024 - 1), Buffer.from('hello'));
  assert.is((await failure(named(64 * 1024))).code, 'COMPRESSION_INVALID');
});

test('a window of zstd has 128 MiB at most', () => {
  // The next larger window of the format has an eighth more.
  const header = (window: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window]);
  assert.is(parseFrameHeader(header(0x88), 'x').windowBytes, 128 * 1024 ** 2);
  assert.throws(
    () => parseFrameHeader(header(0x89), 'x'),
    (error: unknown) => error instanceof TsimgError && error.code === 'LIMIT_EXCEEDED',
  );
});

test('gzip that is truncated anywhere is invalid, not short', async () => {
  const bytes = gzipSync(text.subarray(0, 2000));
  for (let length = 3; length < bytes.length; length += 13) {
    const error = await failure(bytes.subarray(0, length));
    assert.is(error.code, 'COMPRESSION_INVALID', `${length} bytes`);
    assert.match(error.message, /ends too early/);
  }
});

test('a truncated second member is invalid', async () => {
  const second = gzipSync(text);
  for (const length of [2, 9, 12, 5000, second.length - 1]) {
    const error = await failure(Buffer.concat([gzipSync('first'), second.subarray(0, length)]));
    assert.is(error.code, 'COMPRESSION_INVALID');
  }
});

test('a wrong checksum, a wrong length and damaged blocks are invalid', async () => {
  const good = gzipSync(text);
  const crc = Buffer.from(good);
  crc.writeUInt8(crc.readUInt8(crc.length - 8) ^ 1, crc.length - 8);
  const length = Buffer.from(good);
  length.writeUInt8(length.readUInt8(length.length - 4) ^ 1, length.length - 4);
  const block = Buffer.concat([good.subarray(0, 10), Buffer.from([0xff]), good.subarray(11)]);
  for (const bytes of [crc, length, block]) assert.is((await failure(bytes)).code, 'COMPRESSION_INVALID');
  assert.match((await failure(crc)).message, /checksum/);
  assert.match((await failure(length)).message, /length/);
});

test('a small member with a wrong checksum is invalid too', async () => {
  const bad = Buffer.from(gzipSync('two'));
  bad.writeUInt8(bad.readUInt8(bad.length - 8) ^ 1, bad.length - 8);
  assert.is((await failure(Buffer.concat([gzipSync('one'), bad]))).code, 'COMPRESSION_INVALID');
});

test('a small member with much content is streamed', async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  await same(Buffer.concat([gzipSync('one'), bomb]), Buffer.concat([Buffer.from('one'), Buffer.alloc(20_000_000)]));
});

test('unknown methods and flags of gzip are refused', async () => {
  const method = Buffer.concat([Buffer.from([0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 3]), deflateRawSync('x')]);
  const flags = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0x80, 0, 0, 0, 0, 0, 3]), deflateRawSync('x')]);
  assert.is((await failure(method)).code, 'COMPRESSION_INVALID');
  assert.is((await failure(flags)).code, 'COMPRESSION_INVALID');
});

test('damaged gzip gives an error of tsimg or the same content', async () => {
  const members = [gzipSync(text.subarray(0, 20_000)), gzipSync('small'), Buffer.alloc(30), gzipSync('last')];
  await damage(Buffer.concat(members), 2);
});

test('xz and bzip2 are named in the error, with what to do', async () => {
  const xz = await failure(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]));
  assert.is(xz.code, 'FORMAT_UNSUPPORTED');
  assert.match(xz.hint ?? '', /xz -dc/);
  assert.is((await failure(Buffer.from('BZh91AY'))).code, 'FORMAT_UNSUPPORTED');
});

test('magic tells the compression, however few bytes there are', () => {
  assert.is(compressionOf(Buffer.from([0x1f, 0x8b])), 'gzip');
  assert.is(compressionOf(Buffer.from([0x1f])), 'none');
  assert.is(compressionOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])), 'zstd');
  assert.is(compressionOf(Buffer.from([0x5a, 0x2a, 0x4d, 0x18])), 'zstd');
  assert.is(compressionOf(Buffer.alloc(0)), 'none');
});

test('a failing source fails the content with its own error', async () => {
  const failing = Readable.from(
    (async function* () {
      yield gzipSync(text).subarray(0, 1000);
      throw new TsimgError('BLOB_NOT_FOUND', 'gone');
    })(),
  );
  const stream = decompressed(failing, { where: 'x' });
  stream.resume();
  try {
    await finished(stream);
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof TsimgError ? error.code : error, 'BLOB_NOT_FOUND');
  }
});

test('closing the content closes a source that has nothing more to say', async () => {
  const source = new Readable({ read() {} });
  source.push(gzipSync(text).subarray(0, 3000));
  const stream = decompressed(source, { where: 'x' });
  stream.resume();
  setImmediate(() => stream.destroy());
  await new Promise((resolve) => stream.once('close', resolve));
  assert.ok(source.destroyed);
});

if (haveTools('gzip', 'cat')) {
  test('joined files give the same content as with gzip(1)', async () => {
    const one = run('gzip', ['-9'], text);
    const two = run('gzip', ['-1', '--rsyncable'], text.subarray(1000));
    const joined = Buffer.concat([one, two]);
    await same(joined, run('gzip', ['-dc'], joined));
    await same(Buffer.concat([joined, Buffer.alloc(999)]), run('gzip', ['-dc'], joined));
    // gzip warns of trailing bytes, by status 2
    const garbage = Buffer.concat([joined, Buffer.from('not gzip')]);
    const { status, stdout } = spawnSync(findTool('gzip') ?? '', ['-dc'], { input: garbage, maxBuffer: 1 << 28 });
    assert.is(status, 2);
    await same(garbage, stdout, [8]);
  });
}

if (haveTools('zstd')) {
  for (const options of [['-1'], ['-3', '--no-check'], ['-19', '--long=24'], ['-3', '-T2', '-B1MiB']]) {
    test(`what zstd ${options.join(' ')} writes is read`, async () => {
      await same(run('zstd', [...options, '-c'], text), text);
    });
  }

  test('several zstd frames with skippable ones between are one content', async () => {
    const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 200, 0, 0, 0]), Buffer.alloc(200, 7)]);
    const frames = [
      run('zstd', ['-c'], text),
      run('zstd', ['-c'], Buffer.from('x')),
      run('zstd', ['-c'], Buffer.alloc(0)),
    ];
    const bytes = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])]);
    await same(bytes, Buffer.concat([text, Buffer.from('x')]));
  });

  // Node 22 and later export the symbols of a libzstd of another version. Mixed with those of the host, small frames
  // fail
  test('zstd frames of every small size, with and without checksum and size, are read', async () => {
    for (const options of [[], ['--no-check'], ['--no-content-size'], ['-19']]) {
      for (const size of [0, 1, 5, 18, 100, 255, 256, 257, 700, 1023, 1024, 4000, 20_000, 65_536, 131_072, 131_073]) {
        await same(run('zstd', [...options, '-c'], text.subarray(0, size)), text.subarray(0, size));
      }
    }
  });

  test('zstd of more content than its window is read', async () => {
    const large = Buffer.concat(Array.from({ length: 12 }, (_, index) => text.subarray(index * 1000)));
    await same(run('zstd', ['-1', '-c'], large), large);
  });

  test('zeros and incompressible bytes are read (RLE and raw blocks)', async () => {
    const noise = Buffer.from(text.map((byte, index) => (byte * 31 + index * index * 7 + (index >> 3) * 131) & 0xff));
    for (const content of [Buffer.alloc(3_000_000), noise]) await same(run('zstd', ['-c'], content), content);
  });

  test('zstd that is truncated anywhere is invalid, not short', async () => {
    const bytes = run('zstd', ['-c'], text.subarray(0, 3000));
    for (let length = 4; length < bytes.length; length += 11) {
      assert.is((await failure(bytes.subarray(0, length))).code, 'COMPRESSION_INVALID', `${length} bytes`);
    }
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 200, 0, 0, 0, 1, 2, 3]);
    assert.is((await failure(Buffer.concat([bytes, skippable]))).code, 'COMPRESSION_INVALID');
  });

  test('bytes behind zstd frames are invalid, as for zstd itself', async () => {
    assert.is(
      (await failure(Buffer.concat([run('zstd', ['-c'], text), Buffer.from('garbage')]))).code,
      'COMPRESSION_INVALID',
    );
  });

  test('damaged zstd gives an error of tsimg or other content', () =>
    damage(run('zstd', ['-c', '--no-check'], text.subarray(0, 20_000)), 4));

  test('a window beyond 128 MiB is refused before memory is taken', async () => {
    const bytes = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xa0]), Buffer.alloc(20)]);
    assert.is((await failure(bytes)).code, 'LIMIT_EXCEEDED');
  });
}

test.run();
