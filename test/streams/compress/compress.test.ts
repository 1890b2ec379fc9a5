import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import * as zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { type CompressionChoice, checkCompression } from '../../../src/streams/compress/choice.ts';
import { compressing } from '../../../src/streams/compress/compress.ts';
import { decompressed } from '../../../src/streams/decompress/decompress.ts';
import { hashing } from '../../../src/streams/hashing.ts';
import { openZstdEncoder } from '../../../src/sys/library/zstd-encoder.ts';
import { ROOT } from '../../support/checkout.ts';

const test = suite('streams/compress');

/** Text that compresses, in chunks of all sizes. */
function* chunks(): Generator<Buffer> {
  for (let at = 0; at < 400; at++)
    yield Buffer.from(`line ${at % 17} ${'x'.repeat((at * at) % 5000)}\n`.repeat(at % 5));
}

const CONTENT = Buffer.concat([...chunks()]);

async function compress(choice: CompressionChoice, pieces: Iterable<Buffer> = chunks()): Promise<Buffer> {
  const out = hashing().stream;
  const collected = buffer(out);
  await pipeline([Readable.from(pieces, { objectMode: false }), ...compressing(choice), out]);
  return await collected;
}

for (const choice of [
  { kind: 'gzip' },
  { kind: 'gzip', level: 0 },
  { kind: 'gzip', level: 9 },
  { kind: 'zstd' },
  { kind: 'zstd', level: 1 },
  { kind: 'zstd', level: 19 },
  { kind: 'none' },
] as const) {
  const name = `${choice.kind} ${'level' in choice ? choice.level : ''}`;
  test(`what is compressed with ${name} is read again, and the same bytes give the same output`, async () => {
    const one = await compress(choice);
    assert.ok((await buffer(decompressed(Readable.from([one]), { where: 'test' }))).equals(CONTENT));
    assert.ok((await compress(choice)).equals(one));
  });
}

test('the gzip header has no time and no name', async () => {
  const head = (await compress({ kind: 'gzip' })).subarray(0, 10);
  assert.equal([...head.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
});

test('empty content is compressed, too', async () => {
  for (const kind of ['gzip', 'zstd', 'none'] as const) {
    const bytes = await compress({ kind }, []);
    assert.is((await buffer(decompressed(Readable.from([bytes]), { where: 'test' }))).length, 0, kind);
  }
});

test('levels are those of the format', () => {
  for (const choice of [
    { kind: 'gzip', level: 10 },
    { kind: 'gzip', level: -1 },
    { kind: 'zstd', level: 0 },
    { kind: 'zstd', level: 23 },
    { kind: 'zstd', level: 1.5 },
    { kind: 'none', level: 1 },
  ] as const) {
    assert.throws(
      () => checkCompression(choice),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
      JSON.stringify(choice),
    );
  }
});

if (openZstdEncoder(3) === undefined) console.log('skipped: needs libzstd.so.1');
else {
  test('the libzstd of the host gives one frame with a checksum, whatever the chunks are', async () => {
    const encoder = openZstdEncoder(3);
    const pieces = [];
    for (const chunk of chunks()) pieces.push(await encoder?.compress(chunk, false));
    pieces.push(await encoder?.compress(Buffer.alloc(0), true));
    await encoder?.close();
    const frame = Buffer.concat(pieces.map((each) => each ?? Buffer.alloc(0)));
    // Frame_Header_Descriptor: Content_Checksum_flag. RFC 8878, 3.1.1.1.1
    assert.is((frame[4] ?? 0) & 4, 4);
    assert.ok((await buffer(decompressed(Readable.from([frame]), { where: 'test' }))).equals(CONTENT));
  });
}

if ('createZstdCompress' in zlib) console.log('skipped: needs a Node without zstd of its own');
else {
  test('where neither Node nor the host has zstd, the error says what to do', () => {
    const module = pathToFileURL(join(ROOT, 'dist/src/streams/compress/compress.js')).href;
    const script = `import(${JSON.stringify(module)}).then(({ compressing }) => {
      try { compressing({ kind: 'zstd' }) } catch ({ code, hint }) { console.log(code, hint) }
    })`;
    const env = { ...process.env, TSIMG_HOST_LIBRARIES: '0' };
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env });
    assert.match(stdout, /^HOST_UNSUPPORTED use Node 22\.15 or newer, install libzstd1/, stderr);
  });
}

test.run();
