import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { chainIds } from '../../../src/oci/chain-id.ts';
import { type Digest, hexOf } from '../../../src/oci/digest.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openRegistrySource } from '../../../src/sources/registry.ts';
import { blobPath } from '../../../src/store/layout-names.ts';
import { USER_LAYERS_PREFIX } from '../../../src/store-layout.ts';
import { inspectImage } from '../../../src/verbs/image/inspect.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { removeImages } from '../../../src/verbs/image/remove-image.ts';
import { withRepair } from '../../../src/verbs/image/repair-stored.ts';
import { saveImages } from '../../../src/verbs/image/save.ts';
import { tagImage } from '../../../src/verbs/image/tag.ts';
import { checkStore } from '../../../src/verbs/store/check-store.ts';
import { dropBlobs } from '../../../src/verbs/store/drop-blobs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { type MadeImage, makeImage } from '../../support/image/image.ts';
import { type ServingRegistry, startServingRegistry } from '../../support/registry/serving-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('verbs/store/drop-blobs');
const platform = parsePlatform('linux/amd64');
const options = { env: { HOME: '/nonexistent' }, platform };
const shared = Buffer.alloc(4000, 1);
const one = makeImage({ layers: [shared, Buffer.alloc(3000, 2)] });
const two = makeImage({ layers: [shared, Buffer.alloc(2000, 3)] });

function layersOf(made: MadeImage): readonly Digest[] {
  return [...made.blobs.keys()].filter((digest) => made.diffIds.includes(digest));
}

/** Makes the directories that a run leaves of the layers. */
function unpack(root: string, made: MadeImage): void {
  for (const chain of chainIds(made.diffIds, digestOf)) {
    mkdirSync(join(root, 'layers', 'root', hexOf(chain)), { recursive: true });
  }
}

type Use = (root: string, host: string, blobs: Map<string, Uint8Array>, registry: ServingRegistry) => Promise<void>;

async function withStore(use: Use) {
  const blobs = new Map<string, Uint8Array>([...one.blobs, ...two.blobs]);
  const tags = new Map([
    ['1', one.descriptor.digest],
    ['2', two.descriptor.digest],
  ]);
  await using registry = await startServingRegistry({ tags, blobs });
  const root = join(tempDir(), 'store');
  await pullToStore(parseReference(`${registry.host}/app:1`), { ...options, root });
  await use(root, registry.host, blobs, registry);
}

const there = (root: string, made: MadeImage) => layersOf(made).map((digest) => existsSync(blobPath(root, digest)));

test('blobs of layers that are not unpacked stay', () =>
  withStore(async (root) => {
    assert.equal(await dropBlobs(root), { blobs: 0, bytes: 0, inUse: false });
    assert.equal(there(root, one), [true, true]);
  }));

test('blobs of unpacked layers go, the store is clean, and save brings them back', () =>
  withStore(async (root, host) => {
    const name = `${host}/app:1`;
    unpack(root, one);
    assert.equal(await dropBlobs(root), { blobs: 2, bytes: 7000, inUse: false });
    assert.equal(there(root, one), [false, false]);
    const report = await checkStore({ storeRoot: root });
    assert.equal([report.isClean, report.findings.map(({ kind }) => kind)], [true, ['dropped']]);
    assert.is((await inspectImage(name, { storeRoot: root })).Id, one.config.digest);
    assert.is((await pullToStore(parseReference(name), { ...options, root })).bytesTransferred, 0);
    assert.equal(there(root, one), [false, false]);
    await saveImages([name], { storeRoot: root, destination: { path: join(tempDir(), 'a.tar') } });
    assert.equal(there(root, one), [true, true]);
    assert.equal((await checkStore({ storeRoot: root })).findings, []);
  }));

test('a dropped blob whose layer is not unpacked any more is a fault, and a repair fetches it', () =>
  withStore(async (root) => {
    unpack(root, one);
    await dropBlobs(root);
    const [, chain = ''] = chainIds(one.diffIds, digestOf).map(hexOf);
    rmSync(join(root, 'layers', 'root', chain), { recursive: true });
    const [, lost = ''] = layersOf(one);
    const { isClean, findings } = await checkStore({ storeRoot: root });
    const told = findings.map(({ kind, where, problem }) => [kind, where.split('/').at(-1), problem]);
    assert.is(isClean, false);
    assert.equal(told, [
      ['blob-missing', lost, 'it was dropped, and its layer is not unpacked any more'],
      ['dropped', 'dropped', '1 blob of unpacked layers dropped, and fetched again where needed'],
    ]);
    // Unpacked for another map of IDs, it is not lost.
    const others = join(root, 'layers', `${USER_LAYERS_PREFIX}${'a'.repeat(16)}`);
    mkdirSync(join(others, chain), { recursive: true });
    assert.ok((await checkStore({ storeRoot: root })).isClean);
    rmSync(others, { recursive: true });
    const openRegistry = (reference: Parameters<typeof openRegistrySource>[0]) =>
      openRegistrySource(reference, options);
    const mended = await checkStore({ storeRoot: root, repair: true, openRegistry });
    assert.ok(mended.isClean);
    assert.match(mended.findings[0]?.healed ?? '', 'fetched from');
    assert.equal(there(root, one), [false, true]);
  }));

test('a blob that another image needs stays, as do those that no registry has', () =>
  withStore(async (root, host, blobs) => {
    await pullToStore(parseReference(`${host}/app:2`), { ...options, root });
    unpack(root, one);
    assert.is((await dropBlobs(root)).blobs, 1);
    assert.equal(there(root, two), [true, true]);
    unpack(root, two);
    for (const digest of layersOf(two)) blobs.delete(digest);
    assert.is((await dropBlobs(root)).blobs, 0);
    assert.equal(there(root, two), [true, true]);
  }));

test('where the registry cannot be asked, a warning says so and nothing goes', () =>
  withStore(async (root, host) => {
    await tagImage(`${host}/app:1`, '127.0.0.1:9/app:1', { storeRoot: root });
    await removeImages([`${host}/app:1`], { storeRoot: root });
    unpack(root, one);
    const warnings: string[] = [];
    const onEvent = (event: { kind: string; message?: string }) =>
      void (event.kind === 'warning' && warnings.push(event.message ?? ''));
    assert.is((await dropBlobs(root, { onEvent })).blobs, 0);
    assert.is(warnings.length, 1);
    assert.match(warnings[0] ?? '', '127.0.0.1:9/app:1 are kept');
    assert.equal(there(root, one), [true, true]);
  }));

test('a dropped blob that its registry has lost is told as one', () =>
  withStore(async (root, host, blobs) => {
    unpack(root, one);
    await dropBlobs(root);
    for (const digest of layersOf(one)) blobs.delete(digest);
    const path = join(tempDir(), 'a.tar');
    const error = await failureOf(
      saveImages([`${host}/app:1`], { storeRoot: root, destination: { path } }),
      'BLOB_NOT_FOUND',
    );
    assert.not.ok(existsSync(path));
    assert.ok(error.hint !== undefined);
  }));

test('with the image, the record of its dropped blobs goes', () =>
  withStore(async (root, host) => {
    unpack(root, one);
    await dropBlobs(root);
    await removeImages([`${host}/app:1`], { storeRoot: root });
    assert.equal((await checkStore({ storeRoot: root })).findings, []);
  }));

test('of several names of an image, the one whose registry has the blobs counts', () =>
  withStore(async (root, host) => {
    await tagImage(`${host}/app:1`, '127.0.0.1:9/app:1', { storeRoot: root });
    unpack(root, one);
    const warnings: string[] = [];
    const onEvent = ({ kind }: { kind: string }) => void (kind === 'warning' && warnings.push(kind));
    assert.is((await dropBlobs(root, { onEvent, requests: { retries: 0 } })).blobs, 2);
    assert.equal(warnings, []);
  }));

test('the hosts that blobs come from are asked, by the files that the caller names, and so they come back', () =>
  withStore(async (root, host) => {
    const name = 'dead.invalid/app:1';
    const registriesConf = join(tempDir(), 'registries.conf');
    writeFileSync(
      registriesConf,
      `[[registry]]\nprefix = "dead.invalid"\nlocation = "dead.invalid"\n[[registry.mirror]]\nlocation = "${host}"\n`,
    );
    const registry = { mirrors: { registriesConf }, env: options.env };
    await tagImage(`${host}/app:1`, name, { storeRoot: root });
    await removeImages([`${host}/app:1`], { storeRoot: root });
    unpack(root, one);
    assert.is((await dropBlobs(root, registry)).blobs, 2);
    await saveImages([name], { storeRoot: root, registry, destination: { path: join(tempDir(), 'a.tar') } });
    assert.equal(there(root, one), [true, true]);
  }));

test('a repair of one document does not fetch the dropped blobs', () =>
  withStore(async (root, host, _, { sent }) => {
    const name = `${host}/app:1`;
    unpack(root, one);
    await dropBlobs(root);
    writeFileSync(blobPath(root, one.config.digest), 'damaged');
    sent.clear();
    const openRegistry = (reference: ReturnType<typeof parseReference>) => openRegistrySource(reference, options);
    await withRepair([name], { storeRoot: root, openRegistry }, () => inspectImage(name, { storeRoot: root }));
    assert.equal([...sent.keys()], [one.config.digest]);
    assert.equal(there(root, one), [false, false]);
  }));

test.run();
