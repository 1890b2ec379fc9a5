import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../src/events.ts';
import { loadImage } from '../../src/image/load.ts';
import { ANNOTATION } from '../../src/oci/annotations.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { openStoreSink } from '../../src/sinks/store.ts';
import { openStoreSource } from '../../src/sources/store.ts';
import { listImages } from '../../src/verbs/image/images.ts';
import { inspectImage } from '../../src/verbs/image/inspect.ts';
import { loadArchive } from '../../src/verbs/image/load.ts';
import { pruneImages, removeImages } from '../../src/verbs/image/remove-image.ts';
import { saveImages } from '../../src/verbs/image/save.ts';
import { tagImage } from '../../src/verbs/image/tag.ts';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe, makeImage, makeIndex } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { file, tarOf } from '../support/image/tar.ts';
import { sharedImage } from '../support/shared-images.ts';
import { tempDir } from '../support/temp-dir.ts';

// The verbs of the local store, used together.
const test = suite('verbs/store-verbs');
const one = makeImage({ layers: [tarOf(file('a', 'a'))], gzip: true, config: { created: '2020-01-01T00:00:00Z' } });
const two = makeImage({ layers: [tarOf(file('b', 'b'))], config: { created: '2021-01-01T00:00:00Z' } });
const ONE = 'docker.io/library/one:1';
const TWO = 'example.com/two:latest';

/** Makes a store with two images. */
async function filled(): Promise<string> {
  const storeRoot = join(tempDir(), 'store');
  const entries = [named(one.descriptor, ONE), named(two.descriptor, TWO)];
  await loadArchive(writeLayout(tempDir(), entries, one.blobs, two.blobs), { storeRoot });
  return storeRoot;
}

const namesIn = async (storeRoot: string) => (await listImages(storeRoot)).map(({ name }) => name);
const blobsIn = (storeRoot: string) => readdirSync(join(storeRoot, 'blobs', 'sha256')).length;

test('all images of an archive are loaded under their names, and listed newest first', async () => {
  const storeRoot = await filled();
  const images = await listImages(storeRoot);
  assert.equal(
    images.map(({ name }) => name),
    [TWO, ONE],
  );
  assert.is(images[1]?.imageId, one.config.digest);
  assert.is(images[1]?.platform?.architecture, 'amd64');
});

test('an image without a name is loaded and has an ID', async () => {
  const storeRoot = join(tempDir(), 'store');
  const [loaded] = await loadArchive(writeLayout(tempDir(), [one.descriptor], one.blobs), { storeRoot });
  assert.equal(loaded?.names, []);
  assert.equal(await namesIn(storeRoot), [undefined]);
  const inspectedImage = await inspectImage(hexOf(one.config.digest).slice(0, 12), { storeRoot });
  assert.is(inspectedImage.Id, one.config.digest);
  await removeImages([hexOf(one.config.digest).slice(0, 12)], { storeRoot });
  assert.is(blobsIn(storeRoot), 0);
});

test('a name of an archive that is no reference is dropped with a warning, a tag alone without one', async () => {
  const events: TsimgEvent[] = [];
  const onEvent = (event: TsimgEvent) => void events.push(event);
  const layout = writeLayout(tempDir(), [named(one.descriptor, 'Upper/Case:1')], one.blobs);
  const storeRoot = join(tempDir(), 'store');
  await loadArchive(layout, { storeRoot }, { onEvent });
  assert.equal(await namesIn(storeRoot), [undefined]);
  const warnings = () => events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
  assert.is(warnings().length, 1);
  assert.match(warnings()[0] ?? '', 'Upper/Case:1 is not an image reference');
  await loadArchive(writeLayout(tempDir(), [named(two.descriptor, '1.0')], two.blobs), { storeRoot }, { onEvent });
  assert.is(warnings().length, 1);
});

test('the image for the wanted platform is taken where a name has had images for several', async () => {
  const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({ os: 'linux', architecture }));
  const images = platforms.map((platform) => makeImage({ platform }));
  const index = makeIndex(images.map(({ descriptor }, number) => ({ ...descriptor, platform: platforms[number] })));
  const annotations = { [ANNOTATION.chosenFrom]: index.descriptor.digest };
  const root = tempDir();
  const sink = await openStoreSink(root);
  for (const { descriptor, blobs } of images) {
    for (const bytes of blobs.values()) await sink.write(describe('', bytes), bytes);
    const platform = platforms[images.findIndex((image) => image.descriptor === descriptor)];
    await sink.publish({ ...descriptor, platform, annotations }, [ONE]);
  }
  await sink.close();
  const source = await openStoreSource(root);
  const chosen = async (name: string, architecture: string, events: TsimgEvent[] = []) => {
    const platform = { os: 'linux', architecture };
    const image = await loadImage(source, { name, platform }, { onEvent: (event) => void events.push(event) });
    return image.config.platform.architecture;
  };
  for (const { architecture } of platforms) assert.is(await chosen('one:1', architecture), architecture);
  const [first, , last] = images;
  assert.is(await chosen(first?.descriptor.digest ?? '', 'amd64'), 'amd64');
  await failureOf(chosen(last?.descriptor.digest ?? '', 'amd64'), 'PLATFORM_NOT_FOUND');
  await failureOf(chosen('one:1', 'riscv64'), 'PLATFORM_NOT_FOUND');
  await source.close();
});

test('the warning for an image of another machine has the image’s name', async () => {
  const events: TsimgEvent[] = [];
  const made = makeImage({ platform: { os: 'linux', architecture: 's390x' } });
  const storeRoot = join(tempDir(), 'store');
  await loadArchive(writeLayout(tempDir(), [named(made.descriptor, ONE)], made.blobs), { storeRoot });
  const source = await openStoreSource(storeRoot);
  await loadImage(source, { name: 'one:1' }, { onEvent: (event) => void events.push(event) });
  await source.close();
  assert.match(
    events.flatMap((event) => (event.kind === 'warning' ? [event.message] : [])).join(),
    /^one:1: the image/,
  );
});

test('the images of a layout are loaded, with a warning for each artifact', async () => {
  const storeRoot = join(tempDir(), 'store');
  const chart = makeImage({ configType: 'application/vnd.cncf.helm.config.v1+json' });
  const sbom = makeImage({ manifest: { artifactType: 'application/spdx+json' } });
  const entries = [named(chart.descriptor, 'chart'), named(one.descriptor, ONE), sbom.descriptor];
  for (const images of [entries, [...entries, named(two.descriptor, TWO)]]) {
    const events: TsimgEvent[] = [];
    const onEvent = (event: TsimgEvent) => void events.push(event);
    const path = writeLayout(tempDir(), images, one.blobs, two.blobs, chart.blobs, sbom.blobs);
    const loaded = await loadArchive(path, { storeRoot }, { onEvent });
    assert.equal(
      loaded.flatMap(({ names }) => names),
      images === entries ? [ONE] : [ONE, TWO],
    );
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    assert.equal(warnings, [
      'chart is an artifact and not an image: it is left out',
      `${sbom.descriptor.digest} is an artifact and not an image: it is left out`,
    ]);
  }
  const alone = writeLayout(tempDir(), [chart.descriptor], chart.blobs);
  await failureOf(loadArchive(alone, { storeRoot }), 'FORMAT_UNSUPPORTED');
});

test('members of a loaded index are not loaded again; members with names are loaded by name', async () => {
  const storeRoot = join(tempDir(), 'store');
  const index = makeIndex([{ ...one.descriptor, platform: { os: 'linux', architecture: 'amd64' } }]);
  const blobs = [one.blobs, two.blobs, new Map([[index.descriptor.digest, index.bytes]])];
  const entries = [named(index.descriptor, ONE), one.descriptor];
  const platform = { os: 'linux', architecture: 'amd64' };
  const load = (...more: readonly Descriptor[]) =>
    loadArchive(writeLayout(tempDir(), [...entries, ...more], ...blobs), { storeRoot, platform });
  assert.equal(
    (await load()).map(({ names }) => names),
    [[ONE]],
  );
  assert.equal(
    (await load(named(two.descriptor, TWO))).map(({ names }) => names),
    [[ONE], [TWO]],
  );
});

test('an image that is given by digest gets no name from that', async () => {
  const storeRoot = join(tempDir(), 'store');
  const path = writeLayout(tempDir(), [one.descriptor, two.descriptor], one.blobs, two.blobs);
  for (const spec of [`oci:${path}@${one.descriptor.digest}`, `oci:${path}:@1`]) {
    const events: TsimgEvent[] = [];
    const [loaded] = await loadArchive(spec, { storeRoot }, { onEvent: (event) => void events.push(event) });
    assert.equal(loaded?.names, []);
    assert.not.ok(events.some(({ kind }) => kind === 'warning'));
  }
});

test('two images without names are both loaded', async () => {
  const storeRoot = join(tempDir(), 'store');
  const layout = writeLayout(tempDir(), [one.descriptor, two.descriptor], one.blobs, two.blobs);
  assert.is((await loadArchive(layout, { storeRoot })).length, 2);
  assert.equal(await namesIn(storeRoot), [undefined, undefined]);
});

test('saved images can be loaded again, in every format, with their names', async () => {
  const storeRoot = await filled();
  for (const format of ['docker-archive', 'oci-archive', 'oci-dir'] as const) {
    const path = join(tempDir(), 'saved');
    const saved = await saveImages(['one:1', TWO], { destination: { path }, storeRoot, format });
    assert.equal(
      saved.map(({ names }) => names),
      [[ONE], [TWO]],
    );
    const again = join(tempDir(), 'again');
    const loaded = await loadArchive(path, { storeRoot: again });
    assert.equal(loaded.map(({ imageId }) => imageId).sort(), [one.config.digest, two.config.digest].sort());
    assert.equal(await namesIn(again), [TWO, ONE], format);
  }
});

test('an image that is saved by its ID is saved without a name', async () => {
  const storeRoot = await filled();
  const path = join(tempDir(), 'saved');
  const [saved] = await saveImages([hexOf(one.config.digest)], { destination: { path }, storeRoot });
  assert.equal(saved?.names, []);
  const again = join(tempDir(), 'again');
  await loadArchive(path, { storeRoot: again });
  assert.equal(await namesIn(again), [undefined]);
});

test('nothing is saved where one of the images cannot be', async () => {
  const storeRoot = await filled();
  const path = join(tempDir(), 'saved');
  await failureOf(saveImages(['one:1', 'nothing'], { destination: { path }, storeRoot }), 'IMAGE_NOT_FOUND');
  assert.equal(readdirSync(join(path, '..')), []);
});

test('no archive is left where a layer of the second image is missing', async () => {
  const storeRoot = await filled();
  rmSync(join(storeRoot, 'blobs', 'sha256', hexOf(two.diffIds[0] ?? one.config.digest)));
  for (const format of ['docker-archive', 'oci-archive'] as const) {
    const path = join(tempDir(), 'saved');
    await failureOf(saveImages(['one:1', TWO], { destination: { path }, storeRoot, format }), 'BLOB_NOT_FOUND');
    assert.equal(readdirSync(join(path, '..')), []);
  }
});

test('an archive can be written to a stream, and a directory cannot', async () => {
  const storeRoot = await filled();
  const stream = new PassThrough();
  const saving = saveImages(['one:1'], { destination: { stream }, storeRoot }).finally(() => stream.end());
  const again = join(tempDir(), 'again');
  await loadArchive('-', { storeRoot: again, stdin: stream });
  await saving;
  assert.equal(await namesIn(again), [ONE]);
  const closed = new PassThrough();
  await failureOf(saveImages(['one:1'], { destination: { stream: closed }, storeRoot, format: 'oci-dir' }), 'USAGE');
});

test('save ends when its reader goes away', async () => {
  const storeRoot = await filled();
  const stream = new PassThrough({ highWaterMark: 1 });
  stream.once('data', () => stream.destroy());
  const error: unknown = await saveImages(['one:1', TWO], { destination: { stream }, storeRoot }).catch(
    (thrown: unknown) => thrown,
  );
  assert.instance(error, Error);
});

test('an image can be removed while another is damaged, and the warning says why nothing is freed', async () => {
  const storeRoot = await filled();
  const manifest = join(storeRoot, 'blobs', 'sha256', hexOf(two.descriptor.digest));
  writeFileSync(manifest, 'x'.repeat(two.descriptor.size));
  const warnings: string[] = [];
  const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
  const { untagged, swept } = await removeImages(['one:1'], { storeRoot }, { onEvent });
  assert.equal(untagged, [ONE]);
  assert.is(swept, undefined);
  assert.is(warnings.length, 1);
});

test('one image of an archive is loaded by its transport', async () => {
  const storeRoot = join(tempDir(), 'store');
  const entries = [named(one.descriptor, 'a'), named(two.descriptor, TWO)];
  const layout = writeLayout(tempDir(), entries, one.blobs, two.blobs);
  await loadArchive(`oci:${layout}:${TWO}`, { storeRoot });
  assert.equal(await namesIn(storeRoot), [TWO]);
  const [unnamed] = await loadArchive(`oci:${layout}:a`, { storeRoot });
  assert.equal(unnamed?.names, [], 'a tag alone says nothing of a repository');
});

test('an image chosen from an index keeps the index’s digest', async () => {
  const index = makeIndex([{ ...one.descriptor, platform: { os: 'linux', architecture: 'amd64' } }]);
  const layout = writeLayout(
    tempDir(),
    [named(index.descriptor, ONE)],
    one.blobs,
    new Map([[index.descriptor.digest, index.bytes]]),
  );
  const storeRoot = join(tempDir(), 'store');
  const [loaded] = await loadArchive(layout, { storeRoot, platform: { os: 'linux', architecture: 'amd64' } });
  assert.is(loaded?.digest, index.descriptor.digest);
  const image = await inspectImage(`one@${index.descriptor.digest}`, { storeRoot });
  assert.equal(image.RepoTags, ['one:1']);
  assert.equal(image.RepoDigests, [`one@${index.descriptor.digest}`]);
  await tagImage('one:1', 'other/name:2', { storeRoot });
  // The other repository does not have this index.
  const other = await inspectImage(`other/name:2`, { storeRoot });
  assert.not.ok(other.RepoDigests.includes(`other/name@${index.descriptor.digest}`));
});

test('inspect has the keys of docker', async () => {
  const storeRoot = await filled();
  const image = await inspectImage('one:1', { storeRoot });
  assert.is(image.Id, one.config.digest);
  assert.equal(image.RepoTags, ['one:1']);
  assert.equal(image.Config.Cmd, ['/bin/sh']);
  assert.equal(image.RootFS.Layers, one.diffIds);
  assert.is(image.Created, '2020-01-01T00:00:00Z');
  assert.is((await inspectImage(EXAMPLE_IMAGE, { storeRoot })).Os, 'linux');
});

test('tag gives an image another name', async () => {
  const storeRoot = await filled();
  assert.is(await tagImage('one:1', 'three', { storeRoot }), 'docker.io/library/three:latest');
  assert.is((await inspectImage('three', { storeRoot })).Id, one.config.digest);
  await failureOf(tagImage('nothing', 'x', { storeRoot }), 'IMAGE_NOT_FOUND');
  await failureOf(tagImage('one:1', `x@${one.descriptor.digest}`, { storeRoot }), 'REFERENCE_INVALID');
});

test('an image stays while it has another name, then its blobs are freed', async () => {
  const storeRoot = await filled();
  await tagImage('one:1', 'three', { storeRoot });
  const first = await removeImages(['one:1'], { storeRoot });
  assert.equal(first.untagged, [ONE]);
  assert.equal(first.removed, []);
  assert.is(first.swept?.blobs, 0);
  const second = await removeImages(['three'], { storeRoot });
  assert.equal(second.removed, [one.descriptor.digest]);
  assert.is(second.swept?.blobs, 3);
  assert.is(blobsIn(storeRoot), 3);
});

test('an image with several names is removed by its ID with force only', async () => {
  const storeRoot = await filled();
  await tagImage('one:1', 'three', { storeRoot });
  const id = hexOf(one.config.digest);
  await failureOf(removeImages([id], { storeRoot }), 'IMAGE_AMBIGUOUS');
  await removeImages([id], { storeRoot, force: true });
  assert.equal(await namesIn(storeRoot), [TWO]);
});

test('no image is removed where one of several is not found', async () => {
  const storeRoot = await filled();
  await failureOf(removeImages(['one:1', 'nothing'], { storeRoot }), 'IMAGE_NOT_FOUND');
  assert.is((await namesIn(storeRoot)).length, 2);
});

test('removal does not wait for users of the store: the blobs stay until the next removal', async () => {
  const storeRoot = await filled();
  const sink = await openStoreSink(storeRoot);
  assert.is((await removeImages(['one:1'], { storeRoot })).swept, undefined);
  assert.is(blobsIn(storeRoot), 6);
  await sink.close();
  assert.is((await pruneImages({ storeRoot })).swept?.blobs, 3);
});

test('prune removes images without a name, and with all every image', async () => {
  const storeRoot = await filled();
  await tagImage(TWO, 'one:1', { storeRoot });
  assert.equal(await namesIn(storeRoot), [TWO, ONE, undefined]);
  assert.equal((await pruneImages({ storeRoot })).removed, [one.descriptor.digest]);
  await pruneImages({ storeRoot, all: true });
  assert.is(blobsIn(storeRoot), 0);
});

test('prune tells no image as removed that has a name left', async () => {
  const storeRoot = await filled();
  const index = join(storeRoot, 'index.json');
  const { manifests, ...rest } = JSON.parse(readFileSync(index, 'utf8'));
  const [{ annotations: _, ...nameless }] = manifests;
  writeFileSync(index, JSON.stringify({ ...rest, manifests: [...manifests, nameless] }));
  assert.is((await namesIn(storeRoot)).length, 3);
  assert.equal((await pruneImages({ storeRoot })).removed, []);
  assert.is((await namesIn(storeRoot)).length, 2);
});

test('a damaged image is listed with its problem and can be removed', async () => {
  const storeRoot = await filled();
  const config = join(storeRoot, 'blobs', 'sha256', hexOf(one.config.digest));
  writeFileSync(config, 'x');
  const damaged = (await listImages(storeRoot)).find(({ name }) => name === ONE);
  assert.is(damaged?.problem?.code, 'SIZE_MISMATCH');
  rmSync(config);
  await removeImages(['one:1'], { storeRoot });
  assert.equal(await namesIn(storeRoot), [TWO]);
});

test('docker’s and podman’s archives are loaded with the names that they have', async () => {
  for (const [name, expected] of [
    ['docker25-hello-world.tar', 'docker.io/library/hello-world:latest'],
    ['docker-v1.0-busybox.tgz', 'docker.io/library/busybox:latest'],
    ['alpine-3.9.4-docker-save.tar.gz', undefined],
    ['docker29-oci-labels.tar', undefined],
  ] as const) {
    const path = sharedImage(name);
    if (path === undefined) return;
    const storeRoot = join(tempDir(), 'store');
    const [loaded] = await loadArchive(path, { storeRoot });
    assert.ok(loaded);
    if (expected !== undefined) assert.equal(loaded.names, [expected]);
    assert.equal((await listImages(storeRoot)).flatMap((image) => image.name ?? []).sort(), [...loaded.names].sort());
  }
});

test.run();
