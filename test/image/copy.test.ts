import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import type { TsimgEvent } from '../../src/events.ts';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Sink } from '../../src/image/sink.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { openContent } from '../../src/streams/content.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage, memorySource } from '../support/image/image.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('image/copy');

/** Turns of the event loop that a write takes, as one by the network does. Blobs begin a turn after each other. */
const TURNS = 20;

/** A sink that records its calls. */
function diarySink(known: readonly Digest[] = [], fail?: Digest) {
  const diary: string[] = [];
  const blobs = new Map<Digest, Buffer>();
  let running = 0;
  let most = 0;
  const sink: Sink = {
    label: 'diary',
    has: async ({ digest }) => known.includes(digest) || blobs.has(digest),
    async write(descriptor, content) {
      most = Math.max(most, ++running);
      const chunks: Buffer[] = [];
      const stream = content instanceof Uint8Array ? [content] : await openContent(content);
      for await (const chunk of stream) chunks.push(Buffer.from(chunk));
      for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
      running -= 1;
      if (descriptor.digest === fail) throw new TsimgError('FILESYSTEM', 'full');
      blobs.set(descriptor.digest, Buffer.concat(chunks));
      diary.push(`write ${descriptor.digest}`);
    },
    async publish(descriptor, names) {
      diary.push(`publish ${descriptor.digest} ${names.join(' ')}`);
    },
    close: async () => {},
  };
  return { sink, diary, blobs, most: () => most };
}

const layers = Array.from({ length: 8 }, (_, index) => Buffer.alloc(2048, index));

test('every blob is copied, then the manifest, and the names come last', async () => {
  const made = makeImage({ layers });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const { sink, diary, blobs, most } = diarySink();
  const report = await copyImage(image, sink, { names: ['a', 'b'] });
  assert.equal(new Map([...blobs].sort()), new Map([...made.blobs].sort()));
  assert.is(diary.at(-2), `write ${made.descriptor.digest}`);
  assert.is(diary.at(-1), `publish ${made.descriptor.digest} a b`);
  assert.is(report.blobs, 9);
  assert.ok(most() > 1);
});

test('six blobs are copied at a time and six small ones besides, or as many as is asked for', async () => {
  const small = Array.from({ length: 14 }, (_, index) => Buffer.alloc(2048, index));
  const large = Array.from({ length: 8 }, (_, index) => Buffer.alloc(1024 * 1024 + 1, index));
  for (const { of, concurrency, atOnce } of [
    { of: small, concurrency: undefined, atOnce: 12 },
    // The config is small.
    { of: large, concurrency: undefined, atOnce: 7 },
    { of: [...large, ...small], concurrency: undefined, atOnce: 12 },
    { of: small, concurrency: 2, atOnce: 2 },
  ]) {
    const made = makeImage({ layers: of });
    const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
    const { sink, blobs, most } = diarySink();
    await copyImage(image, sink, { names: [], concurrency });
    assert.is(blobs.size, made.blobs.size);
    assert.is(most(), atOnce);
  }
});

test('the first blob is on its way before the next ones are made ready', async () => {
  const made = makeImage({ layers });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const { sink, blobs } = diarySink();
  let begun = 0;
  let besideFirst = 0;
  const counting: Sink = {
    ...sink,
    async write(...words) {
      begun += 1;
      if (begun === 1) {
        await nextTurn();
        besideFirst = begun;
      }
      await sink.write(...words);
    },
  };
  await copyImage(image, counting, { names: [] });
  assert.is(blobs.size, made.blobs.size);
  assert.ok(besideFirst <= 2, `${besideFirst} blobs had begun`);
});

test('a blob that the sink has is not opened', async () => {
  const made = makeImage({ layers });
  const source = memorySource(made.descriptor, made.blobs);
  const image = await loadImage(source, { platform });
  const [base] = image.layers;
  assert.ok(base);
  const events: TsimgEvent[] = [];
  const { sink } = diarySink([base.descriptor.digest]);
  const report = await copyImage(image, sink, { names: [], onEvent: (event) => events.push(event) });
  assert.is(report.reused, 1);
  assert.not.ok(source.opened.includes(base.descriptor.digest));
  const done = events.filter((event) => event.kind === 'blob-done' && event.reused);
  assert.is(done.length, 1);
});

test('a repeated layer is copied once', async () => {
  const made = makeImage({ layers: [Buffer.alloc(1024), Buffer.alloc(1024)] });
  const source = memorySource(made.descriptor, made.blobs);
  const image = await loadImage(source, { platform });
  assert.is((await copyImage(image, diarySink().sink, { names: [] })).blobs, 2);
});

test('progress is in bytes, up to the size of the blob', async () => {
  const made = makeImage();
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const events: TsimgEvent[] = [];
  await copyImage(image, diarySink().sink, { names: [], onEvent: (event) => events.push(event) });
  const progress = events.filter((event) => event.kind === 'blob-progress');
  assert.is(progress.at(-1)?.done, 1024);
});

test('a failure publishes nothing and is the error that is thrown', async () => {
  const made = makeImage({ layers });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const { sink, diary } = diarySink([], image.layers[1]?.descriptor.digest);
  await failureOf(copyImage(image, sink, { names: ['a'] }), 'FILESYSTEM');
  assert.not.ok(diary.some((line) => line.startsWith('publish')));
  assert.ok(diary.length < 9);
});

test('a blob with a wrong digest fails the copy with the source’s error', async () => {
  const made = makeImage({ layers });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const [base] = image.layers;
  assert.ok(base);
  const damaged = new Map(made.blobs).set(base.descriptor.digest, Buffer.alloc(2048, 99));
  const again = await loadImage(memorySource(made.descriptor, damaged), { platform });
  await failureOf(copyImage(again, diarySink().sink, { names: ['a'] }), 'DIGEST_MISMATCH');
});

test('an abort stops the copy and publishes nothing', async () => {
  const made = makeImage({ layers });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  const { sink, diary } = diarySink();
  const abort = new AbortController();
  const onEvent = (event: TsimgEvent) => void (event.kind === 'blob-done' && abort.abort());
  const error: unknown = await copyImage(image, sink, { names: ['a'], signal: abort.signal, onEvent }).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && error.name === 'AbortError');
  assert.not.ok(diary.some((line) => line.startsWith('publish')));
});

test.run();
