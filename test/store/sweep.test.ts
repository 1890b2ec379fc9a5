import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ANNOTATION } from '../../src/oci/annotations.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { openStoreSink } from '../../src/sinks/store.ts';
import { keepAttached } from '../../src/store/attached.ts';
import { hasBlob } from '../../src/store/blobs.ts';
import { writeBlob } from '../../src/store/intake.ts';
import { blobPath } from '../../src/store/layout-names.ts';
import { addNames, removeEntries } from '../../src/store/names.ts';
import { openStore, type Store } from '../../src/store/open.ts';
import { sweep } from '../../src/store/sweep.ts';
import { acquireLock, acquireLockName } from '../../src/sys/file/lock.ts';
import { checkStore } from '../../src/verbs/store/check-store.ts';
import { describe, type MadeImage, makeImage, makeIndex } from '../support/image/image.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('store/sweep');

async function put(store: Store, made: MadeImage, name: string): Promise<void> {
  for (const [, bytes] of made.blobs) await writeBlob(store, describe('', bytes), bytes);
  await addNames(store, made.descriptor, [name]);
}

const blobsOf = (store: Store) => readdirSync(join(store.root, 'blobs', 'sha256')).length;

test('blobs that no image leads to are removed, the blobs of images stay', async () => {
  const root = tempDir();
  const store = await openStore(root);
  const shared = Buffer.alloc(1024, 7);
  const one = makeImage({ layers: [shared, Buffer.alloc(512, 1)] });
  const two = makeImage({ layers: [shared, Buffer.alloc(512, 2)] });
  await put(store, one, 'one');
  await put(store, two, 'two');
  assert.is(blobsOf(store), 7);
  await removeEntries(store, ({ name }) => name?.includes('one') === true);
  const report = await sweep(store);
  assert.is(report?.blobs, 3);
  assert.is(blobsOf(store), 4);
  for (const [, bytes] of two.blobs) assert.ok(await hasBlob(store, describe('', bytes)));
});

test('an unfinished download stays for a week, and goes when all are asked for, unless it is written', async () => {
  const root = tempDir();
  const store = await openStore(root);
  const { partial } = store;
  const nameOf = (digit: string) => `sha256-${digit.repeat(64)}`;
  for (const digit of ['a', 'b', 'c']) writeFileSync(join(partial, nameOf(digit)), 'half');
  const old = Date.now() / 1000 - 8 * 24 * 60 * 60;
  for (const digit of ['b', 'c']) utimesSync(join(partial, nameOf(digit)), old, old);
  const writing = await acquireLockName(join(partial, nameOf('c')), 'exclusive');
  const sink = await openStoreSink(root);
  await sink.close();
  assert.equal(readdirSync(partial).sort(), [nameOf('a'), nameOf('c')]);
  assert.is((await sweep(store))?.unfinished, 0);
  assert.is((await sweep(store, { age: 0 }))?.unfinished, 1);
  assert.equal(readdirSync(partial), [nameOf('c')]);
  await writing.close();
  assert.is((await sweep(store))?.bytes, 4);
  assert.equal(readdirSync(partial), []);
});

test('the next write removes small files of killed writers', async () => {
  const root = tempDir();
  const { partial } = await openStore(root);
  writeFileSync(join(partial, 'index.json.00000000-0000-4000-8000-000000000000'), 'half');
  await (await openStoreSink(root)).close();
  assert.equal(readdirSync(partial), []);
});

test('a small file that is being written is not swept', async () => {
  const store = await openStore(tempDir());
  writeFileSync(join(store.partial, 'index.json.00000000-0000-4000-8000-000000000000'), 'half');
  const writing = await acquireLock(store.indexLock, 'exclusive');
  assert.is((await sweep(store))?.bytes, 0);
  await writing.close();
  assert.is((await sweep(store))?.bytes, 4);
});

test('an image without a name stays until it is removed', async () => {
  const root = tempDir();
  const store = await openStore(root);
  await put(store, makeImage({ config: { author: 'a' } }), 'name');
  await put(store, makeImage({ config: { author: 'b' } }), 'name');
  assert.is((await sweep(store))?.blobs, 0);
});

test('the index that an image was chosen from stays with it', async () => {
  const root = tempDir();
  const store = await openStore(root);
  const made = makeImage();
  const index = makeIndex([made.descriptor]);
  await put(store, made, 'name');
  await writeBlob(store, index.descriptor, index.bytes);
  const annotations = { [ANNOTATION.chosenFrom]: index.descriptor.digest };
  await addNames(store, { ...made.descriptor, annotations }, ['name']);
  assert.is((await sweep(store))?.blobs, 0);
  assert.ok(await hasBlob(store, index.descriptor));
});

test('all images of an index stay, also where another name stands for one that was chosen from it', async () => {
  for (const nested of [false, true]) {
    const store = await openStore(tempDir());
    const one = makeImage();
    const two = makeImage({ platform: { os: 'linux', architecture: 'arm64' } });
    const index = makeIndex([one.descriptor, two.descriptor]);
    const outer = makeIndex([index.descriptor]);
    const annotations = { [ANNOTATION.chosenFrom]: index.descriptor.digest };
    await put(store, { ...one, descriptor: { ...one.descriptor, annotations } }, 'chosen');
    for (const [, bytes] of two.blobs) await writeBlob(store, describe('', bytes), bytes);
    for (const { descriptor, bytes } of [index, outer]) await writeBlob(store, descriptor, bytes);
    await addNames(store, (nested ? outer : index).descriptor, ['all']);
    assert.is((await sweep(store))?.blobs, nested ? 0 : 1);
    for (const [, bytes] of two.blobs) assert.ok(await hasBlob(store, describe('', bytes)));
  }
});

test('a manifest that is a layer of an artifact stays whole where it has a name as well', async () => {
  const store = await openStore(tempDir());
  const made = makeImage();
  const empty = Buffer.from('{}');
  const layers = [{ ...made.descriptor, mediaType: 'application/octet-stream' }];
  const artifact = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: describe('text/plain', empty),
      layers,
    }),
  );
  for (const bytes of [empty, artifact]) await writeBlob(store, describe('', bytes), bytes);
  await addNames(store, describe(MEDIA_TYPE.ociManifest, artifact), ['artifact']);
  await put(store, made, 'image');
  assert.is((await sweep(store))?.blobs, 0);
});

test('what is attached stays with an image of an index, and with what it is attached to itself', async () => {
  const store = await openStore(tempDir());
  const made = makeImage();
  const index = makeIndex([made.descriptor]);
  for (const [, bytes] of made.blobs) await writeBlob(store, describe('', bytes), bytes);
  await writeBlob(store, index.descriptor, index.bytes);
  const attached = ['sbom', 'signature of the sbom'].map((author) => makeImage({ config: { author } }));
  const subjects = [made.descriptor.digest, ...attached.map(({ descriptor }) => descriptor.digest)];
  for (const [at, { blobs, descriptor }] of attached.entries()) {
    for (const [, bytes] of blobs) await writeBlob(store, describe('', bytes), bytes);
    await keepAttached(store, subjects[at] ?? descriptor.digest, { descriptor, tag: undefined });
  }
  await addNames(store, index.descriptor, ['all']);
  const { isClean, findings } = await checkStore({ storeRoot: store.root });
  assert.equal([isClean, findings], [true, []]);
  assert.is((await sweep(store))?.blobs, 0);
  await removeEntries(store, () => true);
  await sweep(store);
  assert.is(blobsOf(store), 0);
});

test('files of unfinished writes are removed', async () => {
  const root = tempDir();
  const store = await openStore(root);
  writeFileSync(join(store.partial, 'leftover'), 'half');
  assert.is((await sweep(store))?.bytes, 4);
  assert.equal(readdirSync(store.partial), []);
});

test('while an image is being written nothing is swept', async () => {
  const root = tempDir();
  const store = await openStore(root);
  const sink = await openStoreSink(root);
  const bytes = Buffer.from('a layer without an image yet');
  await sink.write(describe('', bytes), bytes);
  assert.is(await sweep(store), undefined);
  await sink.close();
  assert.is((await sweep(store))?.blobs, 1);
});

for (const [how, spoil] of [
  ['damaged', (path: string, size: number) => writeFileSync(path, 'x'.repeat(size))],
  ['missing', (path: string) => rmSync(path)],
] as const) {
  test(`while a manifest is ${how} only unfinished writes are removed, and the image is reported`, async () => {
    const root = tempDir();
    const store = await openStore(root);
    const made = makeImage();
    await put(store, made, 'name');
    await writeBlob(store, describe('', Buffer.from('loose')), Buffer.from('loose'));
    writeFileSync(join(store.partial, 'leftover'), 'half');
    spoil(blobPath(root, made.descriptor.digest), made.descriptor.size);
    const before = blobsOf(store);
    const report = await sweep(store);
    assert.is(blobsOf(store), before);
    assert.is(report?.bytes, 4);
    assert.equal(
      report?.damaged.map(({ image }) => image.name),
      ['docker.io/library/name:latest'],
    );
  });
}

test.run();
