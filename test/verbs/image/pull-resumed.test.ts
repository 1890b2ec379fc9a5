import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { blobPath, partialPath } from '../../../src/store/layout-names.ts';
import { openStore } from '../../../src/store/open.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { type ServingRegistryOptions, startServingRegistry } from '../../support/registry/serving-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';

// A pull goes on with what an earlier one has left, whatever the registry makes of a range.

const test = suite('verbs/image/pull-resumed');
const platform = parsePlatform('linux/amd64');
const bytes = randomBytes(400_000);
const made = makeImage({ layers: [bytes] });
const layer = [...made.blobs.keys()][0] ?? made.config.digest;
const requests = { retries: 1, retryDelay: 1 };

async function storeWith(kept: Uint8Array): Promise<string> {
  const root = join(tempDir(), 'store');
  const store = await openStore(root);
  mkdirSync(store.partial, { recursive: true });
  writeFileSync(partialPath(store.partial, layer), kept);
  return root;
}

async function pull(kept: Uint8Array, options: ServingRegistryOptions = {}) {
  await using registry = await startServingRegistry(
    { tags: new Map([['1', made.descriptor.digest]]), blobs: made.blobs },
    options,
  );
  const root = await storeWith(kept);
  const env = { HOME: '/nonexistent' };
  const report = await pullToStore(parseReference(`${registry.host}/app:1`), { root, env, platform, requests });
  assert.equal(readFileSync(blobPath(root, layer)), bytes);
  assert.not.ok(existsSync(partialPath(join(root, 'partial'), layer)));
  const config = made.blobs.get(made.config.digest)?.length ?? 0;
  return { sent: registry.sent.get(layer) ?? 0, transferred: report.bytesTransferred - config };
}

test('only what is missing is asked for, and counted', async () => {
  assert.equal(await pull(bytes.subarray(0, 300_001)), { sent: 99_999, transferred: 99_999 });
  assert.equal(await pull(bytes), { sent: 0, transferred: 0 });
  assert.equal(await pull(bytes.subarray(0, 0)), { sent: 400_000, transferred: 400_000 });
});

test('a registry without ranges sends the whole, and what is there is skipped', async () => {
  assert.is((await pull(bytes.subarray(0, 300_001), { ranges: false })).sent, 400_000);
});

test('kept bytes of another content cost one more download, and no error', async () => {
  assert.is((await pull(Buffer.alloc(100_000, 1))).sent, 300_000 + 400_000);
  assert.is((await pull(Buffer.alloc(400_000, 1))).sent, 400_000);
  assert.is((await pull(Buffer.alloc(400_001, 1))).sent, 400_000);
});

const manifest = made.blobs.get(made.descriptor.digest) ?? Buffer.alloc(0);
const config = made.blobs.get(made.config.digest) ?? Buffer.alloc(0);
const blobAt = (digest: string) => `/v2/app/blobs/${digest}`;

/** A registry that answers a range for the rest in its own way, and the whole rightly. */
async function answering(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array) {
  const document = { headers: { 'content-type': made.descriptor.mediaType }, body: manifest };
  return startFakeRegistry([
    { path: '/v2/app/manifests/1', ...document },
    { path: '/v2/app/manifests/1', method: 'HEAD', ...document },
    { path: blobAt(made.config.digest), body: config },
    { path: blobAt(layer), when: { range: 'bytes=300000-399999' }, status, headers, body },
    { path: blobAt(layer), when: { range: null }, body: bytes },
  ]);
}

for (const [how, status, headers, body] of [
  ['a range that begins elsewhere', 206, { 'content-range': 'bytes 0-99999/400000' }, bytes.subarray(0, 100_000)],
  [
    'a range that ends beyond the blob',
    206,
    { 'content-range': 'bytes 300000-400000/400001' },
    bytes.subarray(299_999),
  ],
  ['a 206 without a range', 206, {}, bytes.subarray(300_000)],
  ['416', 416, {}, Buffer.alloc(0)],
] as const) {
  test(`an answer with ${how} is not believed, and the whole is fetched`, async () => {
    await using registry = await answering(status, headers, body);
    const root = await storeWith(bytes.subarray(0, 300_000));
    const env = { HOME: '/nonexistent' };
    await pullToStore(parseReference(`${registry.host}/app:1`), { root, env, platform, requests });
    assert.equal(readFileSync(blobPath(root, layer)), bytes);
    const asked = registry.requests.filter(({ path }) => path === blobAt(layer));
    assert.equal(
      asked.map(({ headers: { range } }) => range),
      ['bytes=300000-399999', undefined],
    );
  });
}

test('a registry that has other bytes is refused after one more download, and nothing stays', async () => {
  const other = Buffer.alloc(400_000, 7);
  await using registry = await startFakeRegistry([
    { path: '/v2/app/manifests/1', headers: { 'content-type': made.descriptor.mediaType }, body: manifest },
    { path: blobAt(made.config.digest), body: config },
    { path: blobAt(layer), when: { range: null }, body: other },
    {
      path: blobAt(layer),
      status: 206,
      headers: { 'content-range': 'bytes 300000-399999/400000' },
      body: other.subarray(300_000),
    },
  ]);
  const root = await storeWith(bytes.subarray(0, 300_000));
  const env = { HOME: '/nonexistent' };
  const pulling = pullToStore(parseReference(`${registry.host}/app:1`), { root, env, platform, requests });
  await failureOf(pulling, 'DIGEST_MISMATCH');
  for (const path of [blobPath(root, layer), partialPath(join(root, 'partial'), layer)]) {
    assert.not.ok(existsSync(path), path);
  }
});

test.run();
