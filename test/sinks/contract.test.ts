import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Sink } from '../../src/image/sink.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { openArchiveSink } from '../../src/sinks/archive.ts';
import { openOciLayoutSink } from '../../src/sinks/oci-layout.ts';
import { openStoreSink } from '../../src/sinks/store.ts';
import { type OpenSourceOptions, openSource } from '../../src/sources/open.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe, type MadeImage, makeImage, memorySource } from '../support/image/image.ts';
import { dir, file, tarOf } from '../support/image/tar.ts';
import { verifyImage } from '../support/image/verify-image.ts';
import { tempDir } from '../support/temp-dir.ts';

// Rules for every sink that can be read again as a source: the same image in, the same image out.

interface Medium {
  readonly label: string;
  open(path: string): Promise<Sink>;
  /** The SOURCE to read it back. */
  spec(path: string, name: string): string;
  /** Whether a reader gets the image's own manifest, or one that was made again. */
  readonly sameManifest: boolean;
}

const MEDIA: readonly Medium[] = [
  { label: 'store', open: (path) => openStoreSink(path), spec: (_, name) => `store:${name}`, sameManifest: true },
  { label: 'oci-layout', open: (path) => openOciLayoutSink(path), spec: (p, n) => `oci:${p}:${n}`, sameManifest: true },
  {
    label: 'oci-archive',
    open: (path) => openArchiveSink({ path }, { docker: false }),
    spec: (path, name) => `oci-archive:${path}:${name}`,
    sameManifest: true,
  },
  {
    label: 'docker-archive',
    open: (path) => openArchiveSink({ path }, { docker: true }),
    spec: (path, name) => `docker-archive:${path}:${name}`,
    sameManifest: false,
  },
  {
    label: 'docker-archive as a layout',
    open: (path) => openArchiveSink({ path }, { docker: true }),
    spec: (path, name) => `oci-archive:${path}:${name}`,
    sameManifest: true,
  },
];

const platform = parsePlatform('linux/amd64');
const layers = [tarOf(dir('etc'), file('etc/a', 'a')), tarOf(file('b', 'b'.repeat(100_000))), tarOf(file('c', 'c'))];
const one = makeImage({ layers: [...layers, ...layers.slice(0, 1)], gzip: true });
const two = makeImage({ layers: layers.slice(0, 2), config: { author: 'two' } });
const ONE = 'example.com/images/one:1';
const TWO = 'docker.io/library/two:latest';

async function put(sink: Sink, made: MadeImage, ...names: readonly string[]): Promise<void> {
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  await copyImage(image, sink, { names });
}

const optionsFor = (path: string): OpenSourceOptions => ({ storeRoot: path });

for (const medium of MEDIA) {
  const test = suite(`sinks/contract: ${medium.label}`);

  const read = async (path: string, made: MadeImage, name: string) => {
    const { source, name: chosen } = await openSource(medium.spec(path, name), optionsFor(path));
    try {
      const image = await loadImage(source, { name: chosen, platform });
      await verifyImage(image);
      assert.is(image.manifest.config.digest, made.config.digest);
      assert.equal(
        image.layers.map(({ diffId }) => diffId),
        made.diffIds,
      );
      if (medium.sameManifest) assert.is(image.descriptor.digest, made.descriptor.digest);
    } finally {
      await source.close();
    }
  };

  test('two images are read back as they were written, by their names', async () => {
    const path = join(tempDir(), 'there');
    const sink = await medium.open(path);
    await put(sink, one, ONE);
    await put(sink, two, TWO);
    await sink.close();
    await read(path, one, ONE);
    await read(path, two, TWO);
    await read(path, two, 'two');
  });

  test('a blob that is written twice is stored once, and the sink knows it', async () => {
    const sink = await medium.open(join(tempDir(), 'there'));
    const bytes = Buffer.from('blob');
    const descriptor = describe('application/octet-stream', bytes);
    assert.not.ok(await sink.has(descriptor));
    await sink.write(descriptor, bytes);
    await sink.write(descriptor, Readable.from([bytes]));
    assert.ok(await sink.has(descriptor));
    await sink.close();
  });

  test('many blobs are written at a time', async () => {
    const path = join(tempDir(), 'there');
    const sink = await medium.open(path);
    const image = makeImage({ layers: Array.from({ length: 30 }, (_, i) => Buffer.alloc(3000 + i, i)) });
    await Promise.all(
      [...image.blobs].map(([, bytes]) => {
        const type = describe('', bytes).digest === image.descriptor.digest ? image.descriptor.mediaType : '';
        return sink.write(describe(type, bytes), type === '' ? Readable.from([bytes]) : bytes);
      }),
    );
    await sink.publish(image.descriptor, [ONE]);
    await sink.close();
    await read(path, image, ONE);
  });

  test('a blob that is not its descriptor’s is refused, and nothing is published', async () => {
    const path = join(tempDir(), 'there');
    const sink = await medium.open(path);
    const bytes = Buffer.from('blob');
    const descriptor = describe('application/octet-stream', bytes);
    await failureOf(sink.write(descriptor, Readable.from([Buffer.from('blub')])), 'DIGEST_MISMATCH');
    assert.not.ok(await sink.has(descriptor));
    await sink.close();
    const { source } = await openSource(medium.spec(path, ONE), optionsFor(path)).catch(() => ({ source: undefined }));
    assert.is(await source?.resolve(ONE), undefined);
  });

  test('a sink without a published image leaves no image and no half-written file', async () => {
    const folder = tempDir();
    const path = join(folder, 'there');
    const sink = await medium.open(path);
    const bytes = Buffer.from('blob');
    await sink.write(describe('', bytes), bytes);
    await sink.close();
    assert.equal(
      readdirSync(folder).filter((name) => name !== 'there'),
      [],
    );
    if (medium.label === 'store') assert.equal(readdirSync(join(path, 'partial')), []);
    else assert.not.ok(existsSync(path));
  });

  test('a layout whose first copy fails while its blobs are moved takes the next copy', async () => {
    const path = join(tempDir(), 'layout');
    const made = makeImage({ layers: [Buffer.alloc(2048), Buffer.alloc(4096)] });
    const [first, second] = [...made.blobs].map(([digest, bytes]) => ({
      bytes,
      descriptor: { mediaType: '', digest, size: bytes.length },
    }));
    const write = async (sink: Sink) => {
      for (const each of [first, second]) if (each !== undefined) await sink.write(each.descriptor, each.bytes);
    };
    const failed = await openOciLayoutSink(path);
    await write(failed);
    rmSync(join(path, '.tsimg-partial', 'blobs', ...(second?.descriptor.digest ?? '').split(':')));
    await failureOf(failed.publish(made.descriptor, ['1']), 'BLOB_NOT_FOUND');
    await failed.close();
    const sink = await openOciLayoutSink(path);
    await write(sink);
    await sink.publish(made.descriptor, ['1']);
    await sink.close();
    assert.equal(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
  });

  test.run();
}

const archives = suite('sinks/contract: archives');

archives('the same image gives the same bytes', async () => {
  const bytes = async () => {
    const path = join(tempDir(), 'a');
    const sink = await openArchiveSink({ path }, { docker: true });
    await put(sink, one, ONE);
    await sink.close();
    return readFileSync(path);
  };
  assert.equal(await bytes(), await bytes());
});

archives('an archive that fails leaves the one that was there', async () => {
  const path = join(tempDir(), 'a');
  writeFileSync(path, 'older');
  const sink = await openArchiveSink({ path }, { docker: true });
  const damaged = {
    ...two,
    blobs: new Map([...two.blobs].map(([d, b]) => [d, b.length > 50_000 ? Buffer.alloc(b.length) : b])),
  };
  await failureOf(put(sink, damaged, TWO), 'DIGEST_MISMATCH');
  await sink.close();
  assert.is(readFileSync(path, 'utf8'), 'older');
  assert.equal(readdirSync(dirname(path)), ['a']);
});

archives(
  'what a killed writer of an archive left beside it goes with the next, and what is being written stays',
  async () => {
    const folder = tempDir();
    const path = join(folder, 'a.tar');
    const left = join(folder, '.a.tar.00000000-0000-4000-8000-000000000000');
    for (const name of [
      left,
      join(folder, '.a.tar.mine'),
      join(folder, '.b.tar.00000000-0000-4000-8000-000000000000'),
    ]) {
      writeFileSync(name, 'half');
    }
    const sinks = [
      await openArchiveSink({ path }, { docker: true }),
      await openArchiveSink({ path }, { docker: true }),
    ];
    assert.not.ok(existsSync(left));
    for (const sink of sinks) {
      await put(sink, one, ONE);
      await sink.close();
    }
    assert.equal(readdirSync(folder).sort(), ['.a.tar.mine', '.b.tar.00000000-0000-4000-8000-000000000000', 'a.tar']);
  },
);

archives('a destination without its directory, or one that is a directory, is refused', async () => {
  const folder = tempDir();
  await failureOf(openArchiveSink({ path: join(folder, 'no', 'a') }, { docker: true }), 'DESTINATION_INVALID');
  await failureOf(openArchiveSink({ path: folder }, { docker: true }), 'DESTINATION_EXISTS');
});

archives.run();

const layouts = suite('sinks/contract: layouts');

layouts('a layout is added to, and a name that is given again is replaced', async () => {
  const path = join(tempDir(), 'layout');
  for (const [made, name] of [
    [one, 'a'],
    [two, 'b'],
    [two, 'a'],
  ] as const) {
    const sink = await openOciLayoutSink(path);
    await put(sink, made, name);
    await sink.close();
  }
  const { source } = await openSource(path, optionsFor(path));
  assert.is((await source.resolve('a'))?.digest, two.descriptor.digest);
  assert.is((await source.list?.())?.length, 2);
});

/** A layout in which a killed writer has left a whole blob of `one`, and half of another one. */
async function killedLayout(path: string): Promise<void> {
  const [whole, half] = [...one.blobs].filter(([, bytes]) => bytes.length > 100);
  const room = join(path, '.tsimg-partial');
  mkdirSync(join(room, 'blobs', 'sha256'), { recursive: true });
  if (whole === undefined || half === undefined) return;
  writeFileSync(join(room, 'blobs', 'sha256', whole[0].slice(7)), whole[1]);
  writeFileSync(join(room, half[0].replace(':', '-')), half[1].subarray(0, 50));
}

layouts('what a killed writer left in a new layout is used by the next, and nothing else stays of it', async () => {
  for (const [made, name] of [
    [one, 'a'],
    [two, 'b'],
  ] as const) {
    const path = join(tempDir(), 'layout');
    await killedLayout(path);
    const sink = await openOciLayoutSink(path);
    await put(sink, made, name);
    await sink.close();
    assert.equal(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
    assert.is(readdirSync(join(path, 'blobs', 'sha256')).length, made.blobs.size);
  }
});

layouts('what a killed writer left is no layout, and a copy that fails after it leaves nothing', async () => {
  const path = join(tempDir(), 'layout');
  await killedLayout(path);
  await failureOf(openSource(`oci:${path}`, optionsFor(path)), 'ARCHIVE_INVALID');
  const sink = await openOciLayoutSink(path);
  await sink.close();
  assert.equal(readdirSync(path), []);
});

layouts('a copy that fails leaves a layout as it was', async () => {
  const path = join(tempDir(), 'layout');
  const first = await openOciLayoutSink(path);
  await put(first, one, 'a');
  await first.close();
  const before = readdirSync(path, { recursive: true });
  const sink = await openOciLayoutSink(path);
  const [, bytes] = [...two.blobs].at(-1) ?? ['', Buffer.alloc(0)];
  await sink.write(describe('', bytes), bytes);
  await sink.close();
  assert.equal(readdirSync(path, { recursive: true }), before);
});

layouts('several writers of one layout at once do not lose each other’s blobs', async () => {
  const path = join(tempDir(), 'layout');
  await Promise.all(
    [one, two, one, two].map(async (made, index) => {
      const sink = await openOciLayoutSink(path);
      await put(sink, made, `${index}`);
      await sink.close();
    }),
  );
  assert.equal(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
  for (const name of ['0', '1', '2', '3']) {
    const { source, name: chosen } = await openSource(`oci:${path}:${name}`, optionsFor(path));
    await verifyImage(await loadImage(source, { name: chosen, platform }));
    await source.close();
  }
});

layouts('a directory with something else in it is left alone', async () => {
  const path = tempDir();
  writeFileSync(join(path, 'letter'), 'dear');
  await failureOf(openOciLayoutSink(path), 'DESTINATION_EXISTS');
  assert.equal(readdirSync(path), ['letter']);
});

layouts.run();
