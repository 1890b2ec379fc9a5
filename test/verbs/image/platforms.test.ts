import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { formatPlatform, parsePlatform, platformOfNodeArch } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openStoreSource } from '../../../src/sources/store.ts';
import { blobPath, partialPath } from '../../../src/store/layout-names.ts';
import { listImages } from '../../../src/verbs/image/images.ts';
import { inspectImage } from '../../../src/verbs/image/inspect.ts';
import { planPull } from '../../../src/verbs/image/plan-pull.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { removeImages } from '../../../src/verbs/image/remove-image.ts';
import { saveImages } from '../../../src/verbs/image/save.ts';
import { tagImage } from '../../../src/verbs/image/tag.ts';
import { copySource } from '../../../src/verbs/registry/copy.ts';
import { readManifest } from '../../../src/verbs/registry/manifest.ts';
import { type PullPolicy, runSource } from '../../../src/verbs/run/run-source.ts';
import { failureOf } from '../../support/failure-of.ts';
import { type MadeImage, makeImage, makeIndex } from '../../support/image/image.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { startServingRegistry } from '../../support/registry/serving-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';

// A name that stands for images of several platforms, of which the store has some or all.

const test = suite('verbs/image/platforms');
const ENV = { HOME: '/nonexistent' };
const OWN = formatPlatform(platformOfNodeArch(process.arch));
const PLATFORMS = [OWN, 'linux/s390x', 'linux/riscv64'] as const;
const images = PLATFORMS.map((text) =>
  makeImage({ platform: parsePlatform(text), layers: [Buffer.alloc(2048, 7), Buffer.from(text)] }),
);
const index = makeIndex(
  images.map(({ descriptor }, at) => ({ ...descriptor, platform: parsePlatform(PLATFORMS[at] ?? OWN) })),
);
const other = makeImage({ layers: [Buffer.from('another version')] });
const registry = await startServingRegistry({
  tags: new Map([
    ['1', index.descriptor.digest],
    ['2', other.descriptor.digest],
  ]),
  blobs: new Map(
    [...images, other]
      .flatMap(({ blobs }) => [...blobs] as (readonly [string, Buffer])[])
      .concat([[index.descriptor.digest, index.bytes]]),
  ),
});
test.after(async () => registry[Symbol.asyncDispose]());
const NAME = `${registry.host}/app:1`;
const newRoot = () => join(tempDir(), 'store');

async function pull(root: string, ...platforms: readonly string[]) {
  for (const text of platforms) {
    await pullToStore(parseReference(NAME), { root, env: ENV, platform: parsePlatform(text) });
  }
}

const listed = async (root: string) =>
  (await listImages(root)).map(({ name, platforms }) => `${name} ${platforms.map(formatPlatform)}`).sort();
const archOf = async (root: string, spec: string, text?: string) =>
  (await inspectImage(spec, { storeRoot: root, platform: text === undefined ? undefined : parsePlatform(text) }))
    .Architecture;

test('a pull for another platform adds an image to the name', async () => {
  const root = newRoot();
  await pull(root, ...PLATFORMS);
  assert.equal(await listed(root), PLATFORMS.map((text) => `${NAME} ${text}`).sort());
  for (const text of PLATFORMS) assert.is(await archOf(root, NAME, text), text.split('/')[1]);
  assert.is(await archOf(root, NAME), OWN.split('/')[1]);
  await failureOf(archOf(root, NAME, 'linux/mips'), 'PLATFORM_NOT_FOUND');
  await pull(root, 'linux/s390x');
  assert.is((await listImages(root)).length, 3);
});

test('a run for a platform that the store lacks pulls its image, unless pulling is forbidden', async () => {
  const root = newRoot();
  await pull(root, OWN);
  const request = { command: ['/no-such-program'] };
  const run = (pull: PullPolicy, text: string) =>
    runSource(NAME, request, { root, env: ENV, pull, platform: parsePlatform(text) });
  await failureOf(run('never', 'linux/s390x'), 'PLATFORM_NOT_FOUND');
  assert.is((await listImages(root)).length, 1);
  // It is pulled; its layers are no archives.
  await failureOf(run('missing', 'linux/s390x'), 'TAR_INVALID');
  assert.equal(await listed(root), [OWN, 'linux/s390x'].map((text) => `${NAME} ${text}`).sort());
  await failureOf(run('missing', 'linux/mips'), 'PLATFORM_NOT_FOUND');
});

test('another version takes the name from all images of the old one', async () => {
  const root = newRoot();
  await pull(root, OWN, 'linux/s390x');
  await pullToStore(parseReference(`${registry.host}/app:2`), { root, env: ENV });
  await tagImage(`${registry.host}/app:2`, NAME, { storeRoot: root });
  const names = (await listImages(root)).map(({ name }) => name);
  assert.equal(names.filter((name) => name === NAME).length, 1);
  assert.equal(names.filter((name) => name === undefined).length, 2);
});

test('all platforms have their index as one entry under the name, and take the place of single ones', async () => {
  const root = newRoot();
  await pull(root, 'linux/s390x');
  const report = await pullToStore(parseReference(NAME), { root, env: ENV, allPlatforms: true });
  assert.is(report.digest, index.descriptor.digest);
  assert.is(report.imageId, images[0]?.config.digest);
  assert.equal(report.platforms.map(formatPlatform), [...PLATFORMS]);
  const [only, ...others] = await listImages(root);
  assert.equal(others, []);
  assert.is(only?.kind, 'index');
  assert.is(only?.imageId, images[0]?.config.digest);
  assert.equal(only?.platforms.map(formatPlatform).sort(), [...PLATFORMS].sort());
  for (const text of PLATFORMS) assert.is(await archOf(root, NAME, text), text.split('/')[1]);
  await pull(root, 'linux/s390x');
  assert.is((await listImages(root)).length, 1);
});

test('an artifact in an index is copied with it, and is no image of it', async () => {
  const [own, other] = images as unknown as readonly [MadeImage, MadeImage];
  const artifact = makeImage({
    configType: 'application/vnd.example.notes',
    layerType: 'text/plain',
    layers: [Buffer.from('notes')],
    config: { notes: 1 },
  });
  const encrypted = makeImage({ layerType: 'application/vnd.oci.image.layer.v1.tar+encrypted' });
  const labelled = [own, other].map(({ descriptor }, at) => ({
    ...descriptor,
    platform: parsePlatform(PLATFORMS[at] ?? OWN),
  }));
  const bare = ({ digest, size, mediaType }: Descriptor) => ({ digest, size, mediaType });
  const indexes = [
    makeIndex([artifact.descriptor, encrypted.descriptor, ...labelled]),
    makeIndex([artifact.descriptor, bare(own.descriptor)]),
    makeIndex([artifact.descriptor, encrypted.descriptor]),
  ];
  const blobs = new Map<string, Buffer>([own, other, artifact, encrypted].flatMap((each) => [...each.blobs]));
  await using mixed = await startFakeRegistry();
  const serve = (path: string, mediaType: string, body: Buffer | undefined) =>
    mixed.expect({ path: `/v2/mixed/${path}`, headers: { 'content-type': mediaType }, body: body ?? '' });
  for (const [at, each] of indexes.entries()) serve(`manifests/${at}`, each.descriptor.mediaType, each.bytes);
  for (const { descriptor } of [own, other, artifact, encrypted]) {
    serve(`manifests/${descriptor.digest}`, descriptor.mediaType, blobs.get(descriptor.digest));
  }
  for (const [digest, bytes] of blobs) serve(`blobs/${digest}`, 'application/octet-stream', bytes);
  const reference = (at: number) => parseReference(`${mixed.host}/mixed:${at}`);

  const root = newRoot();
  const report = await pullToStore(reference(0), { root, env: ENV, allPlatforms: true });
  assert.equal(report.platforms.map(formatPlatform), PLATFORMS.slice(0, 2));
  // Registries count the requests for manifests
  const asked = mixed.log.filter((line) => line.includes('/manifests/'));
  assert.equal([...new Set(asked)], asked);
  const [listedImage] = await listImages(root);
  assert.equal([listedImage?.kind, listedImage?.problem], ['index', undefined]);
  assert.equal(listedImage?.platforms.map(formatPlatform), PLATFORMS.slice(0, 2));
  for (const digest of [...artifact.blobs.keys(), ...encrypted.blobs.keys()]) {
    assert.ok(existsSync(blobPath(root, digest)), digest);
  }

  const chosen = await pullToStore(reference(1), { root: newRoot(), env: ENV });
  assert.is(chosen.manifestDigest, own.descriptor.digest);
  const all = pullToStore(reference(2), { root: newRoot(), env: ENV, allPlatforms: true });
  await failureOf(all, 'FORMAT_UNSUPPORTED');
});

test('the index under a name is shown, and copied as a whole only where it is whole', async () => {
  const root = newRoot();
  await pull(root, OWN, 'linux/s390x');
  assert.is((await readManifest(NAME, { root })).descriptor.digest, index.descriptor.digest);
  const to = `oci:${join(tempDir(), 'layout')}:1`;
  const error = await failureOf(copySource(NAME, to, { root, all: true }), 'BLOB_NOT_FOUND');
  assert.match(error.what, 'riscv64');
  await pullToStore(parseReference(NAME), { root, env: ENV, allPlatforms: true });
  assert.is((await copySource(NAME, to, { root, all: true })).digest, index.descriptor.digest);
});

test('the whole is never taken for the one image that was pulled, unless its digest is asked for', async () => {
  const root = newRoot();
  await pull(root, OWN);
  const to = `oci:${join(tempDir(), 'layout')}:1`;
  for (const source of [NAME, `store:${NAME}`]) {
    const error = await failureOf(copySource(source, to, { root, all: true }), 'BLOB_NOT_FOUND');
    assert.match(error.what, 's390x');
    assert.match(error.hint ?? '', 'docker://REFERENCE');
  }
  const [own] = images;
  const itself = `${registry.host}/app@${own?.descriptor.digest}`;
  assert.is((await copySource(itself, to, { root, all: true })).digest, own?.descriptor.digest);
  assert.is((await copySource(NAME, to, { root })).digest, own?.descriptor.digest);
  rmSync(blobPath(root, index.descriptor.digest));
  const error = await failureOf(copySource(NAME, to, { root, all: true }), 'BLOB_NOT_FOUND');
  assert.match(`${error.what} ${error.hint}`, /index .*is not there.*pull --all-platforms/);
});

test('a copy of what is attached says that the store may not know all of it', async () => {
  const root = newRoot();
  await pull(root, OWN);
  const messages: string[] = [];
  const onEvent = (event: TsimgEvent) => {
    if (event.kind === 'warning') messages.push(event.message);
  };
  const to = `oci:${join(tempDir(), 'layout')}:1`;
  const options = { root, env: ENV, referrers: true, onEvent };
  for (const source of [NAME, `store:${NAME}`]) await copySource(source, to, options);
  const warning = `what is attached is copied from the store; what was attached since comes from docker://${NAME}`;
  assert.equal(messages, [warning, warning]);
  await copySource(`docker://${NAME}`, to, options);
  assert.is(messages.length, 2);
  const [{ imageId = '' } = {}] = await listImages(root);
  for (const id of [imageId, imageId.slice('sha256:'.length, 'sha256:'.length + 8)]) await copySource(id, to, options);
  for (const each of messages.slice(2)) assert.match(each, /comes from its registry: docker:\/\/NAME$/);
  assert.is(messages.length, 4);
});

test('save takes the image of the wanted platform', async () => {
  const root = newRoot();
  await pull(root, OWN, 'linux/s390x');
  const path = join(tempDir(), 'saved.tar');
  const platform = parsePlatform('linux/s390x');
  const [saved] = await saveImages([NAME], { storeRoot: root, destination: { path }, platform });
  assert.is(saved?.imageId, images[1]?.config.digest);
  assert.equal(saved?.names, [NAME]);
});

test('tag gives another name to the images of all platforms, and rmi takes it from all', async () => {
  const root = newRoot();
  await pull(root, OWN, 'linux/s390x');
  for (const name of [`${registry.host}/app:copy`, 'elsewhere/app:1']) {
    await tagImage(NAME, name, { storeRoot: root });
    assert.is(await archOf(root, name, 'linux/s390x'), 's390x');
    assert.is(await archOf(root, name), OWN.split('/')[1]);
  }
  await removeImages(['elsewhere/app:1', `${registry.host}/app:copy`], { storeRoot: root });
  assert.is((await listImages(root)).length, 2);
  const { removed } = await removeImages([NAME], { storeRoot: root });
  assert.is(removed.length, 2);
  assert.equal(readdirSync(join(root, 'blobs', 'sha256')), []);
});

test('rmi takes one platform by its ID, and all by the digest of the index', async () => {
  const root = newRoot();
  await pull(root, ...PLATFORMS);
  await removeImages([images[1]?.config.digest ?? ''], { storeRoot: root });
  assert.equal(await listed(root), [PLATFORMS[0], PLATFORMS[2]].map((text) => `${NAME} ${text}`).sort());
  await removeImages([index.descriptor.digest], { storeRoot: root });
  assert.equal(await listed(root), []);
});

test('a dry run tells what would be transferred, and writes nothing', async () => {
  const root = newRoot();
  const reference = parseReference(NAME);
  const whole = await planPull(reference, { root, env: ENV });
  assert.not.ok(existsSync(root));
  assert.is(whole.digest, index.descriptor.digest);
  assert.equal(new Set(whole.blobs.map(({ state }) => state)), new Set(['missing']));
  assert.is(
    whole.transfer,
    whole.blobs.reduce((sum, { size }) => sum + size, 0),
  );
  await pull(root, 'linux/s390x');
  const [base, top] = (await planPull(reference, { root, env: ENV })).blobs;
  assert.equal([base?.state, base?.transfer, top?.state], ['there', 0, 'missing']);
  if (top === undefined) return;
  writeFileSync(partialPath(join(root, 'partial'), top.digest), Buffer.from(OWN).subarray(0, 3));
  const [, part] = (await planPull(reference, { root, env: ENV })).blobs;
  assert.equal([part?.state, part?.transfer], ['part', top.size - 3]);
  const all = await planPull(reference, { root, env: ENV, allPlatforms: true });
  assert.is(all.platforms.length, 3);
  assert.is(all.blobs.length, 1 + 3 + 3);
});

test('a store with images for several platforms is read by others as before', async () => {
  const root = newRoot();
  await pull(root, OWN, 'linux/s390x');
  const source = await openStoreSource(root);
  try {
    const names = ((await source.list?.()) ?? []).map(({ name, descriptor }) => [name, descriptor.digest]);
    assert.equal(
      names,
      images.slice(0, 2).map(({ descriptor }) => [NAME, descriptor.digest]),
    );
  } finally {
    await source.close();
  }
});

test.run();
