import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { blobPath } from '../../../src/store/layout-names.ts';
import { appendLayers } from '../../../src/verbs/author/append.ts';
import { listImages } from '../../../src/verbs/image/images.ts';
import { inspectImage } from '../../../src/verbs/image/inspect.ts';
import { loadArchive } from '../../../src/verbs/image/load.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { pruneImages } from '../../../src/verbs/image/remove-image.ts';
import { saveImages } from '../../../src/verbs/image/save.ts';
import { tagImage } from '../../../src/verbs/image/tag.ts';
import { unpackSource } from '../../../src/verbs/rootfs/unpack.ts';
import { checkStore } from '../../../src/verbs/store/check-store.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { file, tarOf } from '../../support/image/tar.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Blobs of the store that another program has changed, cut short or removed.
const test = suite('verbs/image/repair-stored');
const image = makeImage({ layers: [tarOf(file('a', 'a')), tarOf(file('b', 'b'.repeat(70_000)))], gzip: true });
// The layers come first, the base before the others.
const [, layer = image.config.digest] = image.blobs.keys();
const other = makeImage({ layers: [tarOf(file('c', 'c'))] });
const { descriptor: manifest, config } = image;

function flip(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const DAMAGE: readonly (readonly [string, (path: string) => void])[] = [
  ['flipped', flip],
  ['cut short', (path) => truncateSync(path, 20)],
  ['removed', (path) => rmSync(path)],
];
const PARTS = [
  ['layer', layer],
  ['config', config.digest],
  ['manifest', manifest.digest],
] as const;

/** Makes a store with an image that was pulled, and the registry that the image came from. */
async function pulled() {
  const registry = await startFakeRegistry();
  for (const [digest, body] of image.blobs) {
    registry.expect({ path: `/v2/made/blobs/${digest}`, body });
    const headers = { 'content-type': MEDIA_TYPE.ociManifest, 'docker-content-digest': digest };
    if (digest !== manifest.digest) continue;
    for (const method of ['GET', 'HEAD']) {
      for (const version of ['latest', digest]) {
        registry.expect({ method, path: `/v2/made/manifests/${version}`, headers, body });
      }
    }
  }
  const root = join(tempDir(), 'store');
  const name = `${registry.host}/made:latest`;
  const options = { root, env: { HOME: '/nonexistent' }, requests: { retries: 0, retryDelay: 1 } };
  await pullToStore(parseReference(name), options);
  return { registry, root, name, options, [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]() };
}

/** Runs an action while standard input is a stream of these bytes. */
async function withInput<T>(bytes: Buffer, action: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
  Object.defineProperty(process, 'stdin', { configurable: true, value: Readable.from([bytes], { objectMode: false }) });
  try {
    return await action();
  } finally {
    Object.defineProperty(process, 'stdin', before);
  }
}

test('a layer from standard input is whole where the image is mended on the way', async () => {
  await using store = await pulled();
  const added = tarOf(file('added', 'x'.repeat(1000)));
  const output = `oci-archive:${join(tempDir(), 'out.tar')}`;
  for (const { digest } of [{ digest: layer }, config]) {
    flip(blobPath(store.root, digest));
    const { layers } = await withInput(added, () =>
      appendLayers(store.name, ['-'], { ...store.options, output, force: true }),
    );
    assert.is(layers.at(-1)?.diffId, digestOf(added));
    assert.equal(readFileSync(blobPath(store.root, digest)), image.blobs.get(digest));
  }
});

for (const [part, digest] of PARTS) {
  for (const [how, damage] of DAMAGE) {
    test(`a ${part} that was ${how} is fetched again by unpack`, async () => {
      await using store = await pulled();
      damage(blobPath(store.root, digest));
      const destination = join(tempDir(), 'rootfs');
      const warnings: string[] = [];
      const onEvent = (event: { kind: string; message?: string }) =>
        void (event.kind === 'warning' && warnings.push(event.message ?? ''));
      await unpackSource(store.name, destination, { ...store.options, onEvent });
      assert.is(readFileSync(join(destination, 'b'), 'utf8').length, 70_000);
      assert.ok(warnings.some((text) => text.includes(digest) && text.includes('fetched again')));
      assert.equal(readFileSync(blobPath(store.root, digest)), image.blobs.get(digest));
    });

    test(`a ${part} that was ${how} is mended by pull`, async () => {
      await using store = await pulled();
      damage(blobPath(store.root, digest));
      await pullToStore(parseReference(store.name), store.options);
      assert.equal(readFileSync(blobPath(store.root, digest)), image.blobs.get(digest));
    });

    test(`save says what to do about a ${part} that was ${how}, moves it away and writes nothing`, async () => {
      await using store = await pulled();
      damage(blobPath(store.root, digest));
      const archive = join(tempDir(), 'saved.tar');
      const code = how === 'removed' ? 'BLOB_NOT_FOUND' : 'DIGEST_MISMATCH';
      const saving = saveImages([store.name], { destination: { path: archive }, storeRoot: store.root });
      const error = await failureOf(saving, code);
      assert.match(error.hint ?? '', `tsimg pull ${store.name}`);
      assert.not.ok(existsSync(archive));
      assert.not.ok(existsSync(blobPath(store.root, digest)));
      assert.is(readdirSync(join(store.root, 'partial')).length, how === 'removed' ? 0 : 1);
    });

    test(`prune does not fail where a ${part} was ${how}, and keeps the blobs of the image`, async () => {
      await using store = await pulled();
      damage(blobPath(store.root, digest));
      const { removed, inUse } = await pruneImages({ storeRoot: store.root });
      assert.equal(removed, []);
      assert.not.ok(inUse);
      await pullToStore(parseReference(store.name), store.options);
      const fetched = store.registry.log.filter((line) => line.includes('/blobs/') && !line.includes(digest));
      assert.is(fetched.length, new Set(fetched).size, 'nothing else was fetched twice');
    });
  }
}

test('a large layer that was changed is found by pull --verify-store', async () => {
  await using store = await pulled();
  const large = Buffer.alloc(5 * 1024 * 1024);
  const made = makeImage({ layers: [tarOf(file('large', large.toString('latin1')))] });
  for (const [digest, body] of made.blobs) store.registry.expect({ path: `/v2/large/blobs/${digest}`, body });
  const headers = { 'content-type': MEDIA_TYPE.ociManifest };
  const body = made.blobs.get(made.descriptor.digest) ?? '';
  store.registry.expect({ path: '/v2/large/manifests/latest', headers, body });
  const reference = parseReference(`${store.registry.host}/large:latest`);
  await pullToStore(reference, store.options);
  const [blob = made.config.digest] = made.blobs.keys();
  const path = blobPath(store.root, blob);
  flip(path);
  assert.is((await pullToStore(reference, { ...store.options, verify: true })).reused, 1);
  assert.equal(readFileSync(path), made.blobs.get(blob));
});

test('damaged blobs are fetched from the registry of the operand, and from no other', async () => {
  await using store = await pulled();
  await using other = await startFakeRegistry();
  await tagImage(store.name, `${other.host}/a:1`, { storeRoot: store.root });
  flip(blobPath(store.root, layer));
  const before = store.registry.requests.length;
  await failureOf(unpackSource(`${other.host}/a:1`, join(tempDir(), 'rootfs'), store.options), 'BLOB_NOT_FOUND');
  assert.is(store.registry.requests.length, before);
  assert.ok(other.log.length > 0);
});

test('load into a store with a damaged layer mends it', async () => {
  const storeRoot = join(tempDir(), 'store');
  const layout = writeLayout(tempDir(), [named(image.descriptor, 'example.com/made:1')], image.blobs);
  await loadArchive(layout, { storeRoot });
  flip(blobPath(storeRoot, layer));
  const saving = saveImages(['example.com/made:1'], { destination: { path: join(tempDir(), 'a.tar') }, storeRoot });
  await failureOf(saving, 'DIGEST_MISMATCH');
  await loadArchive(layout, { storeRoot });
  await saveImages(['example.com/made:1'], { destination: { path: join(tempDir(), 'a.tar') }, storeRoot });
});

test('a damaged image does not hinder other images, by name or by ID', async () => {
  const storeRoot = join(tempDir(), 'store');
  const entries = [named(image.descriptor, 'example.com/one:1'), named(other.descriptor, 'example.com/two:1')];
  await loadArchive(writeLayout(tempDir(), entries, image.blobs, other.blobs), { storeRoot });
  flip(blobPath(storeRoot, image.descriptor.digest));
  assert.is((await listImages(storeRoot)).length, 2);
  for (const name of ['example.com/two:1', other.config.digest.slice(7, 19)]) {
    assert.is((await inspectImage(name, { storeRoot })).Id, other.config.digest);
  }
});

test('the error for a damaged list of images says what to do; prune removes no image and no blob', async () => {
  await using store = await pulled();
  const index = join(store.root, 'index.json');
  writeFileSync(index, '{"manif');
  const error = await failureOf(listImages(store.root), 'STORE_INVALID');
  assert.match(error.hint ?? '', 'tsimg store check --repair');
  const before = readdirSync(join(store.root, 'blobs', 'sha256'));
  const warnings: string[] = [];
  const onEvent = (event: { kind: string; message?: string }) => void warnings.push(event.message ?? '');
  await pruneImages({ storeRoot: store.root, all: true }, { onEvent });
  assert.match(warnings.join(), 'tsimg store check --repair');
  assert.equal(readdirSync(join(store.root, 'blobs', 'sha256')), before);
  await checkStore({ storeRoot: store.root, repair: true });
  assert.equal(
    (await listImages(store.root)).map(({ name }) => name),
    [undefined],
  );
  assert.is((await pullToStore(parseReference(store.name), store.options)).bytesTransferred, 0);
});

for (const [how, spoil] of [
  ['empty', (path: string) => writeFileSync(path, '')],
  ['gone', (path: string) => rmSync(path)],
] as const) {
  test(`a marker that is ${how} is written anew`, async () => {
    await using store = await pulled();
    const marker = join(store.root, 'oci-layout');
    spoil(marker);
    assert.is((await listImages(store.root)).length, 1);
    assert.match(readFileSync(marker, 'utf8'), '1.0.0');
  });
}

test.run();
