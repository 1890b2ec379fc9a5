import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { openRegistrySource, type RegistrySourceOptions } from '../../src/sources/registry.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../support/registry/fake-registry.ts';

const test = suite('sources/registry');

const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: {}, layers: [] });
const DIGEST = digestOf(MANIFEST);
const DESCRIPTOR: Descriptor = { mediaType: MEDIA_TYPE.ociManifest, digest: DIGEST, size: MANIFEST.length };
const HEADERS = { 'content-type': MEDIA_TYPE.ociManifest, 'docker-content-digest': DIGEST };
const BY_TAG: Exchange = { path: '/v2/a/b/manifests/1.0', headers: HEADERS, body: MANIFEST };
const BY_DIGEST: Exchange = { path: `/v2/a/b/manifests/${DIGEST}`, headers: HEADERS, body: MANIFEST };
const headOf = ({ path, headers }: Exchange): Exchange => ({
  method: 'HEAD',
  path,
  headers: { ...headers, 'content-length': `${MANIFEST.length}` },
});

async function withSource(
  exchanges: readonly Exchange[],
  use: (source: ReturnType<typeof openRegistrySource>, registry: FakeRegistry) => Promise<void>,
  options: RegistrySourceOptions = {},
): Promise<void> {
  await using registry = await startFakeRegistry(exchanges);
  const reference = { registry: registry.host, repository: 'a/b', tag: '1.0' };
  const source = openRegistrySource(reference, { env: { HOME: '/nonexistent' }, ...options });
  try {
    await use(source, registry);
  } finally {
    await source.close();
  }
}

test('a tag is resolved by its document, which is not fetched again when it is opened', () =>
  withSource([BY_TAG], async (source, registry) => {
    const descriptor = await source.resolve();
    assert.equal(descriptor, DESCRIPTOR);
    assert.is((await buffer(await source.open(DESCRIPTOR))).toString(), MANIFEST);
    assert.equal(registry.log, ['GET /v2/a/b/manifests/1.0']);
  }));

test('a name is a tag, a digest or a reference to this repository', () =>
  withSource([BY_TAG, BY_DIGEST], async (source, registry) => {
    for (const name of ['1.0', DIGEST, `${registry.host}/a/b:1.0`, `${registry.host}/a/b@${DIGEST}`]) {
      assert.is((await source.resolve(name))?.digest, DIGEST, name);
    }
    assert.is(await source.resolve('none'), undefined);
    const before = registry.requests.length;
    assert.is(await source.resolve('docker.io/library/alpine:1.0'), undefined);
    assert.is(await source.resolve(`${registry.host}/a/c:1.0`), undefined);
    await failureOf(source.resolve('../../x?y#z'), 'REFERENCE_INVALID');
    assert.is(registry.requests.length, before);
  }));

test('a known document is resolved by HEAD alone, another one by GET', async () => {
  const exchanges = [BY_TAG, headOf(BY_TAG)];
  const asked: Descriptor[] = [];
  for (const known of [true, false]) {
    const options = {
      known: async (descriptor: Descriptor) => {
        asked.push(descriptor);
        return known;
      },
    };
    await withSource(
      exchanges,
      async (source, registry) => {
        assert.equal(await source.resolve(), DESCRIPTOR);
        const log = ['HEAD /v2/a/b/manifests/1.0', 'GET /v2/a/b/manifests/1.0'];
        assert.equal(registry.log, known ? log.slice(0, 1) : log);
      },
      options,
    );
  }
  assert.equal(asked, [DESCRIPTOR, DESCRIPTOR]);
});

test('a HEAD with another digest than the requested one is ignored', () => {
  const other = digestOf('other');
  const lie = headOf({ ...BY_DIGEST, headers: { ...HEADERS, 'docker-content-digest': other } });
  return withSource([lie, BY_DIGEST], async (source) => assert.is((await source.resolve(DIGEST))?.digest, DIGEST), {
    known: async () => true,
  });
});

test('a registry without a usable HEAD is asked by GET', async () => {
  for (const status of [405, 404, 500, 503]) {
    await withSource(
      [{ ...headOf(BY_TAG), status }, BY_TAG],
      async (source, registry) => {
        assert.is((await source.resolve())?.digest, DIGEST);
        assert.is(registry.log.length, 2);
      },
      { known: async () => true },
    );
  }
});

test('a document of another size than its descriptor’s is refused', () =>
  withSource([BY_DIGEST], async (source) => {
    await failureOf(source.open({ ...DESCRIPTOR, size: MANIFEST.length - 1 }), 'SIZE_MISMATCH');
  }));

test('a missing document is an error', () =>
  withSource([], async (source) => {
    await failureOf(source.open(DESCRIPTOR), 'BLOB_NOT_FOUND');
  }));

test('a blob with a wrong digest fails, and does not end', () => {
  const digest = digestOf('good');
  return withSource([{ path: `/v2/a/b/blobs/${digest}`, body: 'evil' }], async (source) => {
    await failureOf(buffer(await source.open({ mediaType: '', digest, size: 4 })), 'DIGEST_MISMATCH');
  });
});

test('a blob’s redirect is followed', async () => {
  const digest = digestOf('good');
  await using store = await startFakeRegistry([{ path: '/store?signature=x', body: 'good' }]);
  const headers = { location: `${store.origin}/store?signature=x` };
  await withSource([{ path: `/v2/a/b/blobs/${digest}`, status: 307, headers }], async (source) => {
    assert.is((await buffer(await source.open({ mediaType: '', digest, size: 4 }))).toString(), 'good');
  });
});

test('a manifest’s redirect too (moby#50065)', async () => {
  await using store = await startFakeRegistry([{ path: '/manifest', headers: HEADERS, body: MANIFEST }]);
  const headers = { location: `${store.origin}/manifest` };
  await withSource([{ path: BY_TAG.path, status: 302, headers }], async (source) => {
    assert.equal(await source.resolve(), DESCRIPTOR);
  });
});

test.run();
