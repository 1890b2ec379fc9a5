import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Digest, hexOf } from '../../../src/oci/digest.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference, type Reference } from '../../../src/oci/reference.ts';
import { openStoreSink } from '../../../src/sinks/store.ts';
import { openRegistrySource } from '../../../src/sources/registry.ts';
import { blobPath, partialPath } from '../../../src/store/layout-names.ts';
import { addNames, listStored } from '../../../src/store/names.ts';
import { storeAt } from '../../../src/store/open.ts';
import { listImages } from '../../../src/verbs/image/images.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { pruneImages, removeImages } from '../../../src/verbs/image/remove-image.ts';
import { checkStore, storeDamaged } from '../../../src/verbs/store/check-store.ts';
import { rebuildList } from '../../../src/verbs/store/rebuild-list.ts';
import { failureOf } from '../../support/failure-of.ts';
import { describe, type MadeImage, makeImage, makeIndex } from '../../support/image/image.ts';
import { startServingRegistry } from '../../support/registry/serving-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('verbs/store/check-store');
const ENV = { HOME: '/nonexistent' };
const amd64 = parsePlatform('linux/amd64');
const made = makeImage({ layers: [Buffer.alloc(5000, 1), Buffer.alloc(6000, 2)] });
const index = makeIndex([
  { ...made.descriptor, platform: amd64 },
  { ...describe(made.descriptor.mediaType, Buffer.from('{}')), platform: parsePlatform('linux/arm64') },
]);
const other = makeImage({ layers: [Buffer.alloc(7000, 3)], config: { author: 'other' } });
const large = makeImage({
  layers: [Buffer.alloc(8000, 4)],
  manifest: { annotations: { long: 'x'.repeat(4_950_000) } },
});
const artifact = makeImage({ layers: [Buffer.from('chart')], configType: 'application/vnd.example.chart+json' });
const registry = await startServingRegistry({
  tags: new Map([['1', index.descriptor.digest]]),
  blobs: new Map<string, Uint8Array>([...made.blobs, [index.descriptor.digest, index.bytes]]),
});
test.after(async () => registry[Symbol.asyncDispose]());
const NAME = `${registry.host}/app:1`;
const [layer = ''] = [...made.blobs.keys()];

async function filled(): Promise<string> {
  const root = join(tempDir(), 'store');
  await pullToStore(parseReference(NAME), { root, env: ENV, platform: amd64 });
  return root;
}

const openRegistry = (reference: Reference) =>
  openRegistrySource(reference, { env: ENV, requests: { retries: 0, retryDelay: 1 } });
const check = (storeRoot: string) => checkStore({ storeRoot });
const repair = (storeRoot: string) => checkStore({ storeRoot, repair: true, openRegistry });
const kindsOf = ({ findings }: { findings: readonly { kind: string; healed?: string | undefined }[] }) =>
  findings.map(({ kind, healed }) => (healed === undefined ? kind : `${kind} healed`));

test('a store that is whole is clean, and so is one that does not exist, which is not made', async () => {
  const report = await check(await filled());
  assert.equal([report.isClean, report.images, report.findings], [true, 1, []]);
  assert.ok(report.bytes > 11_000);
  const nowhere = join(tempDir(), 'nothing');
  assert.ok((await check(nowhere)).isClean);
  assert.not.ok(existsSync(nowhere));
});

test('an index that one name was chosen from, and that another name stands for, is missed and fetched again', async () => {
  const root = await filled();
  const store = storeAt(root);
  await addNames(store, index.descriptor, [`${registry.host}/whole:1`]);
  const path = blobPath(root, index.descriptor.digest);
  for (const spoil of [() => writeFileSync(path, 'other'), () => rmSync(path)]) {
    spoil();
    const damaged = await check(root);
    const [fault] = damaged.findings.filter(({ kind }) => kind.startsWith('blob-'));
    assert.equal(fault?.images.toSorted(), [NAME, `${registry.host}/whole:1`]);
    assert.ok((await repair(root)).findings.some(({ healed }) => healed?.startsWith('fetched from')));
    assert.equal(readFileSync(path), index.bytes);
  }
});

const SPOILT: readonly (readonly [string, string, (path: string) => void])[] = [
  ['changed', 'blob-damaged', (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length, 9))],
  ['cut short', 'blob-damaged', (path) => writeFileSync(path, readFileSync(path).subarray(1))],
  ['gone', 'blob-missing', (path) => rmSync(path)],
];

for (const [what, digest] of [
  ['layer', layer as Digest],
  ['config', made.config.digest],
  ['manifest', made.descriptor.digest],
] as const) {
  for (const [how, kind, spoil] of SPOILT) {
    test(`a ${what} that is ${how} is found, and a repair fetches it`, async () => {
      const root = await filled();
      spoil(blobPath(root, digest));
      const found = await check(root);
      assert.equal([found.isClean, kindsOf(found)], [false, [kind]]);
      assert.equal([found.findings[0]?.where, found.findings[0]?.images], [digest, [NAME]]);
      assert.is(storeDamaged(found, false).code, 'STORE_DAMAGED');
      const mended = await repair(root);
      assert.equal([mended.isClean, kindsOf(mended)], [true, [`${kind} healed`]]);
      assert.equal((await check(root)).findings, []);
    });
  }
}

test('a manifest and its blobs that are all gone are fetched in turn', async () => {
  const root = await filled();
  for (const digest of made.blobs.keys()) rmSync(blobPath(root, digest));
  assert.ok((await repair(root)).isClean);
  assert.equal((await check(root)).findings, []);
});

test('what no registry has stays a fault that says why, and no blob is removed', async () => {
  const root = join(tempDir(), 'store');
  const sink = await openStoreSink(root);
  for (const [, bytes] of made.blobs) await sink.write(describe('', bytes), bytes);
  await sink.publish(made.descriptor, []);
  await sink.close();
  rmSync(blobPath(root, made.config.digest));
  const report = await repair(root);
  assert.equal([report.isClean, kindsOf(report)], [false, ['blob-missing']]);
  assert.match(report.findings[0]?.problem ?? '', 'no name tells a registry');
  assert.is(readdirSync(join(root, 'blobs', 'sha256')).length, made.blobs.size - 1);
});

for (const [how, kind, spoil] of [
  ['gone', 'list-missing', (path: string) => rmSync(path)],
  ['damaged', 'list-damaged', (path: string) => writeFileSync(path, '{"manif')],
] as const) {
  test(`a list of images that is ${how} is told by all, and made again without names`, async () => {
    const root = await filled();
    spoil(join(root, 'index.json'));
    const error = await failureOf(listImages(root), 'STORE_INVALID');
    assert.match(error.hint ?? '', 'tsimg store check --repair');
    await failureOf(pullToStore(parseReference(NAME), { root, env: ENV, platform: amd64 }), 'STORE_INVALID');
    assert.equal(kindsOf(await check(root)), [kind]);
    assert.equal(kindsOf(await repair(root)), [`${kind} healed`]);
    const [image, ...others] = await listImages(root);
    assert.equal([others, image?.name], [[], undefined]);
    assert.equal([image?.imageId, image?.digest], [made.config.digest, index.descriptor.digest]);
    const report = await pullToStore(parseReference(NAME), { root, env: ENV, platform: amd64 });
    assert.is(report.bytesTransferred, 0);
    assert.equal(
      (await listImages(root)).map(({ name }) => name),
      [NAME],
    );
  });
}

async function twoImages(second: MadeImage): Promise<string> {
  const root = await filled();
  const sink = await openStoreSink(root);
  for (const [digest, bytes] of second.blobs)
    await sink.write({ ...describe('', bytes), digest: digest as Digest }, bytes);
  await sink.publish(second.descriptor, ['other:1']);
  await sink.close();
  return root;
}
const blobsOf = (root: string) => readdirSync(join(root, 'blobs', 'sha256')).sort();

test('with a lost list and a damaged manifest, no blob of that manifest is removed', async () => {
  const root = await twoImages(other);
  const before = blobsOf(root);
  const path = blobPath(root, other.descriptor.digest);
  writeFileSync(path, readFileSync(path, 'latin1').replace('"size"', '"sIze"'));
  writeFileSync(join(root, 'index.json'), '{"manif');
  const report = await repair(root);
  assert.equal([report.isClean, kindsOf(report)], [false, ['list-damaged healed', 'blob-damaged', 'leftover']]);
  assert.match(report.findings[0]?.healed ?? '', 'made again with 2 images, 0 of them with a name; name the others');
  // A second repair keeps them too, and so does removing the image that is whole.
  await repair(root);
  await removeImages([made.config.digest], { storeRoot: root });
  const lost = hexOf(other.descriptor.digest);
  assert.equal(
    blobsOf(root),
    before.filter((name) => name !== lost),
  );
  // The image comes back, and with it the store is whole.
  const sink = await openStoreSink(root);
  await sink.write(other.descriptor, other.blobs.get(other.descriptor.digest) ?? new Uint8Array());
  await sink.publish(other.descriptor, ['other:1']);
  await sink.close();
  assert.ok((await repair(root)).isClean);
  assert.equal(
    (await listImages(root)).map(({ name }) => name),
    ['docker.io/library/other:1'],
  );
});

test('a new list has images whose manifest has more than 4 MiB', async () => {
  const root = await twoImages(large);
  assert.ok(large.descriptor.size > 4 * 1024 * 1024);
  const before = blobsOf(root);
  rmSync(join(root, 'index.json'));
  assert.equal(kindsOf(await repair(root)), ['list-missing healed']);
  assert.equal(blobsOf(root), before);
  assert.is((await listStored(storeAt(root))).length, 2);
});

test('an image whose manifest was let in with more than 4 MiB is listed as it is, and not as damaged', async () => {
  const listed = await listImages(await twoImages(large));
  assert.equal(
    listed.map(({ imageId, problem }) => [imageId, problem]).toSorted(),
    [made, large].map(({ config }) => [config.digest, undefined]).toSorted(),
  );
});

test('two repairs at once make one list', async () => {
  for (const spoil of [(path: string) => rmSync(path), (path: string) => writeFileSync(path, '{"manif')]) {
    const root = await filled();
    spoil(join(root, 'index.json'));
    await Promise.all([repair(root), repair(root)]);
    assert.is((await listImages(root)).length, 1);
  }
});

test('a list that was made meanwhile keeps its names', async () => {
  const root = await twoImages(other);
  assert.equal(await rebuildList(storeAt(root)), { images: 0, named: 0 });
  assert.equal((await listStored(storeAt(root))).map(({ name }) => name).sort(), [NAME, 'docker.io/library/other:1']);
  assert.not.ok(existsSync(join(root, 'index.json.damaged')));
});

test('prune does not take a lost list for an empty one', async () => {
  const root = await filled();
  rmSync(join(root, 'index.json'));
  await failureOf(pruneImages({ storeRoot: root }), 'STORE_INVALID');
  assert.is(readdirSync(join(root, 'blobs', 'sha256')).length, made.blobs.size + 1);
});

test('an artifact is no damaged image, and is checked too', async () => {
  const root = await filled();
  const sink = await openStoreSink(root);
  for (const [, bytes] of artifact.blobs) await sink.write(describe('', bytes), bytes);
  await sink.publish(artifact.descriptor, ['charts/web:1']);
  await sink.close();
  const listed = (await listImages(root)).find(({ name }) => name?.includes('charts'));
  assert.equal([listed?.kind, listed?.problem], ['artifact', undefined]);
  assert.ok((listed?.size ?? 0) > 0);
  assert.equal((await check(root)).findings, []);
  rmSync(blobPath(root, artifact.config.digest));
  assert.equal(kindsOf(await check(root)), ['blob-missing']);
});

test('garbage, unfinished downloads and leftovers are remarks; a repair removes all but the downloads', async () => {
  const root = await filled();
  const sink = await openStoreSink(root);
  await sink.write(describe('', Buffer.from('loose')), Buffer.from('loose'));
  await sink.close();
  writeFileSync(partialPath(join(root, 'partial'), describe('', Buffer.from('x')).digest), 'half');
  writeFileSync(join(root, 'partial', 'index.json.left'), 'half');
  const found = await check(root);
  assert.equal([found.isClean, kindsOf(found)], [true, ['unneeded', 'unfinished', 'leftover']]);
  assert.equal(
    found.findings.map(({ bytes }) => bytes),
    [5, 4, 4],
  );
  assert.equal(kindsOf(await repair(root)), ['unfinished']);
});

test('a file among the blobs that is none is told with its path, and stays', async () => {
  const root = await filled();
  const hex = 'a'.repeat(64);
  const strays = ['blobs/notes.txt', `blobs/${hex}`, 'blobs/sha256/short', `blobs/sha512/${hex}`];
  mkdirSync(join(root, 'blobs', 'sha512'), { recursive: true });
  for (const name of strays) writeFileSync(join(root, name), 'stray');
  const found = await check(root);
  assert.ok(found.isClean);
  assert.equal(
    found.findings.map(({ kind, where, bytes }) => [kind, where, bytes]).sort(),
    strays.map((name) => ['stray', join(root, name), 5]).sort(),
  );
  assert.equal(kindsOf(await repair(root)), Array<string>(4).fill('stray'));
  for (let count = 0; count < 30; count += 1) writeFileSync(join(root, 'blobs', `other-${count}`), '');
  const many = (await check(root)).findings;
  assert.equal([many.length, many.at(-1)?.problem], [21, '14 further files that are no blobs']);
});

test('a damaged record of an unpacked layer, and a file in its place, are found and removed', async () => {
  const root = await filled();
  const chain = 'a'.repeat(64);
  for (const folder of ['layers/root', 'entries/root']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'layers', 'root', chain), 'no directory');
  writeFileSync(join(root, 'entries', 'root', chain), 'no record');
  assert.equal(kindsOf(await check(root)).sort(), ['layer-broken', 'record-damaged']);
  assert.ok((await repair(root)).isClean);
  assert.equal((await check(root)).findings, []);
});

test.run();
