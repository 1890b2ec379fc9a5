import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import type { TsimgEvent } from '../../../src/events.ts';
import { loadImage } from '../../../src/image/load.ts';
import { type Digest, hexOf } from '../../../src/oci/digest.ts';
import { formatPlatform, parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openStoreSink } from '../../../src/sinks/store.ts';
import { openStoreSource } from '../../../src/sources/store.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import type { PullOptions } from '../../../src/verbs/image/prepare-pull.ts';
import { type PullReport, pullImage } from '../../../src/verbs/image/pull.ts';
import { listTags } from '../../../src/verbs/registry/tags.ts';
import { failureOf } from '../../support/failure-of.ts';
import { type MadeImage, makeImage, makeIndex } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { makeCertificate } from '../../support/registry/certificate.ts';
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { type Exchange, type FakeRegistry, startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('verbs/image/pull');

const ENV = { HOME: '/nonexistent' };
const NEEDS = ['docker-registry', 'skopeo'] as const;
const AMD64 = parsePlatform('linux/amd64');

/** Makes an image of two layers as an OCI layout for skopeo. */
function madeLayout() {
  const image = makeImage({ layers: [Buffer.alloc(2048), Buffer.alloc(300_000, 'x')], gzip: true });
  const path = writeLayout(join(tempDir(), 'layout'), [named(image.descriptor, 'latest')], image.blobs);
  return { image, source: `oci:${path}:latest` };
}

async function pull(name: string, root: string, options: PullOptions = {}): Promise<PullReport> {
  const sink = await openStoreSink(root);
  const local = await openStoreSource(root);
  try {
    return await pullImage(parseReference(name), sink, {
      env: ENV,
      requests: { retries: 1, retryDelay: 1 },
      local,
      ...options,
    });
  } finally {
    await local.close();
    await sink.close();
  }
}

/** Reads the whole image that has a name in the store. */
async function readStored(root: string, name: string) {
  const source = await openStoreSource(root);
  try {
    const image = await loadImage(source, { name, platform: AMD64 });
    for (const layer of image.layers) for await (const _chunk of await layer.open());
    return image;
  } finally {
    await source.close();
  }
}

async function withFilled(use: (registry: DockerRegistry) => Promise<void>): Promise<void> {
  if (!haveTools(...NEEDS)) return;
  await using registry = await startDockerRegistry();
  await use(registry);
}

test('an image of a registry on loopback is in the store afterwards, under its name', () =>
  withFilled(async (registry) => {
    const { image, source } = madeLayout();
    registry.fill(source, 'ns/made:1.0');
    const root = tempDir();
    const report = await pull(`${registry.host}/ns/made:1.0`, root, { platform: AMD64 });
    assert.equal(report, {
      reference: `${registry.host}/ns/made:1.0`,
      digest: image.descriptor.digest,
      manifestDigest: image.descriptor.digest,
      imageId: image.config.digest,
      platforms: report.platforms,
      blobs: 3,
      reused: 0,
      bytesTransferred: report.bytesTransferred,
    });
    assert.ok(report.bytesTransferred > 0);
    assert.equal(report.platforms.map(formatPlatform), ['linux/amd64']);
    assert.equal((await readStored(root, report.reference)).config.diffIds, image.diffIds);
  }));

test('blobs of the store are not fetched again', () =>
  withFilled(async (registry) => {
    const { source } = madeLayout();
    registry.fill(source, 'made:1.0');
    registry.fill(source, 'made:2.0');
    const root = tempDir();
    await pull(`${registry.host}/made:1.0`, root, { platform: AMD64 });
    const events: TsimgEvent[] = [];
    const again = await pull(`${registry.host}/made:2.0`, root, {
      platform: AMD64,
      onEvent: (event) => events.push(event),
    });
    assert.equal([again.blobs, again.reused, again.bytesTransferred], [3, 3, 0]);
    assert.not(events.some(({ kind }) => kind === 'blob-started'));
    await readStored(root, `${registry.host}/made:2.0`);
  }));

test('a pull by digest keeps the name with the digest', () =>
  withFilled(async (registry) => {
    const { image, source } = madeLayout();
    registry.fill(source, 'made:1.0');
    const root = tempDir();
    const name = `${registry.host}/made@${image.descriptor.digest}`;
    assert.is((await pull(name, root, { platform: AMD64 })).reference, name);
    await readStored(root, name);
  }));

test('the error for a missing tag has the reference', () =>
  withFilled(async (registry) => {
    registry.fill(madeLayout().source, 'made:1.0');
    const error = await failureOf(pull(`${registry.host}/made:nope`, tempDir()), 'IMAGE_NOT_FOUND');
    assert.is(error.where, `${registry.host}/made:nope`);
    assert.match(error.hint ?? '', `tsimg tags ${registry.host}/made lists`);
    assert.is(error.exitStatus, 3);
    await failureOf(pull(`${registry.host}/none:1.0`, tempDir()), 'IMAGE_NOT_FOUND');
    const opened = openImage(`docker://${registry.host}/made:nope`, { env: ENV });
    const { message } = await failureOf(opened, 'IMAGE_NOT_FOUND');
    assert.is(message, `no image ${registry.host}/made:nope: HTTP 404, MANIFEST_UNKNOWN: manifest unknown`);
  }));

test('the tags of a repository are listed, and a missing repository has none', () =>
  withFilled(async (registry) => {
    const { source } = madeLayout();
    for (const tag of ['1.0', '2.0']) registry.fill(source, `made:${tag}`);
    assert.equal(await listTags(parseReference(`${registry.host}/made`), { env: ENV }), ['1.0', '2.0']);
    await failureOf(listTags(parseReference(`${registry.host}/none`), { env: ENV }), 'IMAGE_NOT_FOUND');
  }));

test('the platform’s image of an index is chosen, and the name has the digest of the index', () =>
  withFilled(async (registry) => {
    const layout = sharedImage('hello-world-multiarch-layout');
    if (layout === undefined) return;
    registry.fill(`oci:${layout}`, 'hello:multi', { all: true });
    const root = tempDir();
    const name = `${registry.host}/hello:multi`;
    const arm = await pull(name, root, { platform: parsePlatform('linux/arm64') });
    const inspect = spawnSync('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`]);
    assert.is(arm.digest, digestOf(inspect.stdout));
    assert.is.not(arm.manifestDigest, arm.digest);
    // Another platform of the index, which is pinned by its digest.
    const amd = await pull(`${registry.host}/hello@${arm.digest}`, root, { platform: AMD64 });
    assert.is(amd.digest, arm.digest);
    assert.is.not(amd.imageId, arm.imageId);
    assert.is((await readStored(root, `${registry.host}/hello@${arm.digest}`)).config.platform.architecture, 'amd64');
    const error = await failureOf(pull(name, root, { platform: parsePlatform('linux/mips') }), 'PLATFORM_NOT_FOUND');
    assert.match(error.why ?? '', 'linux/amd64');
  }));

test('a registry that needs credentials takes those of the file, and the error without them says so', async () => {
  if (!haveTools(...NEEDS)) return;
  await using registry = await startDockerRegistry({ login: true });
  registry.fill(madeLayout().source, 'made:1.0');
  const name = `${registry.host}/made:1.0`;
  const root = tempDir();
  await failureOf(pull(name, root, { platform: AMD64 }), 'AUTHENTICATION_REQUIRED');
  const authFile = join(tempDir(), 'auth.json');
  const login = ['login', '--authfile', authFile, '-u', ACCOUNT.username, '-p', ACCOUNT.password, '--tls-verify=false'];
  assert.is(spawnSync('skopeo', [...login, registry.host]).status, 0);
  await pull(name, root, { platform: AMD64, authFile });
  const wrong = { kind: 'basic', username: ACCOUNT.username, password: 'wrong' } as const;
  await failureOf(pull(name, root, { platform: AMD64, credentials: wrong }), 'AUTHENTICATION_DENIED');
});

test('an unknown certificate is refused; SSL_CERT_FILE, certs.d or --tls-verify=false accept it', async () => {
  if (!haveTools(...NEEDS, 'openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using registry = await startDockerRegistry({ tls });
  registry.fill(madeLayout().source, 'made:1.0');
  const name = `${registry.host}/made:1.0`;
  const error = await failureOf(pull(name, tempDir(), { platform: AMD64 }), 'REGISTRY_UNREACHABLE');
  assert.match(error.why ?? '', 'certificate is not trusted');
  assert.match(error.hint ?? '', '--tls-verify=false');
  await pull(name, tempDir(), { platform: AMD64, tlsVerify: false });
  await pull(name, tempDir(), { platform: AMD64, env: { ...ENV, SSL_CERT_FILE: tls.certFile } });
  const home = tempDir();
  const folder = join(home, '.config/containers/certs.d', registry.host);
  spawnSync('install', ['-D', tls.certFile, join(folder, 'ca.crt')]);
  await pull(name, tempDir(), { platform: AMD64, env: { HOME: home } });
});

test('a real image of another tool is the same in the store, byte by byte', () =>
  withFilled(async (registry) => {
    const archive = sharedImage('oci-zstd.tar');
    if (archive === undefined) return;
    registry.fill(`oci-archive:${archive}`, 'zstd:latest');
    const root = tempDir();
    const platform = parsePlatform('linux/arm64');
    const { manifestDigest } = await pull(`${registry.host}/zstd`, root, { platform });
    const raw = spawnSync('skopeo', [
      'inspect',
      '--raw',
      '--tls-verify=false',
      `docker://${registry.host}/zstd`,
    ]).stdout;
    assert.ok(readFileSync(join(root, 'blobs/sha256', hexOf(manifestDigest))).equals(raw));
  }));

test('a second pull sends one request, a HEAD for the tag', async () => {
  const image = makeImage();
  await using registry = await startFakeRegistry();
  for (const [digest, body] of image.blobs) {
    const isManifest = digest === image.descriptor.digest;
    const headers = { 'content-type': image.descriptor.mediaType, 'docker-content-digest': digest };
    registry.expect({ path: `/v2/made/${isManifest ? 'manifests' : 'blobs'}/${digest}`, headers, body });
    if (!isManifest) continue;
    const path = '/v2/made/manifests/1.0';
    registry.expect(
      { path, headers, body },
      { method: 'HEAD', path, headers: { ...headers, 'content-length': `${body.length}` } },
    );
  }
  const root = tempDir();
  await pull(`${registry.host}/made:1.0`, root, { platform: AMD64 });
  const first = registry.log.length;
  const again = await pull(`${registry.host}/made:1.0`, root, { platform: AMD64 });
  assert.equal(registry.log.slice(first), ['HEAD /v2/made/manifests/1.0']);
  assert.equal([again.digest, again.bytesTransferred], [image.descriptor.digest, 0]);
  await registry.deserted();
});

/** Starts a registry that has an image under `made:1.0`, with other answers for some of its blobs. */
async function startServing(image: MadeImage, others: ReadonlyMap<Digest, Partial<Exchange>>): Promise<FakeRegistry> {
  const registry = await startFakeRegistry();
  for (const [digest, body] of image.blobs) {
    const isManifest = digest === image.descriptor.digest;
    const path = isManifest ? '/v2/made/manifests/1.0' : `/v2/made/blobs/${digest}`;
    const headers = { 'content-type': image.descriptor.mediaType };
    registry.expect({ path, headers, body, ...others.get(digest) });
  }
  return registry;
}

const TWO_LAYERS = [Buffer.alloc(1024), Buffer.alloc(2048)];

test('a pull that fails half-way leaves no name', async () => {
  const image = makeImage({ layers: TWO_LAYERS });
  for (const digest of [image.diffIds[1] as Digest, image.config.digest]) {
    const body = Buffer.alloc(image.blobs.get(digest)?.length ?? 0, 1);
    await using registry = await startServing(image, new Map([[digest, { body }]]));
    const root = tempDir();
    await failureOf(pull(`${registry.host}/made:1.0`, root), 'DIGEST_MISMATCH');
    await failureOf(readStored(root, `${registry.host}/made:1.0`), 'IMAGE_NOT_FOUND');
  }
});

test('layers are asked for while the config is on its way; without a config, nothing has a name', async () => {
  const image = makeImage({ layers: TWO_LAYERS });
  const index = makeIndex([{ ...image.descriptor, platform: AMD64 }]);
  await using registry = await startServing(image, new Map([[image.config.digest, { stallAfter: 0 }]]));
  const [manifest, body] = [image.descriptor.digest, image.blobs.get(image.descriptor.digest) ?? ''];
  const { mediaType } = index.descriptor;
  registry.expect({
    path: `/v2/made/manifests/${manifest}`,
    headers: { 'content-type': image.descriptor.mediaType },
    body,
  });
  registry.expect({ path: '/v2/made/manifests/all', headers: { 'content-type': mediaType }, body: index.bytes });
  const cases: readonly (readonly [tag: string, options: PullOptions])[] = [
    ['1.0', {}],
    ['all', { platform: AMD64 }],
  ];
  for (const [tag, options] of cases) {
    const root = tempDir();
    const before = registry.log.length;
    const stop = new AbortController();
    const onEvent = (event: TsimgEvent) => {
      if (event.kind === 'blob-done' && event.digest === image.diffIds[1]) stop.abort();
    };
    const pulled = pull(`${registry.host}/made:${tag}`, root, { ...options, signal: stop.signal, onEvent });
    const error = await pulled.catch((reason: unknown) => reason);
    assert.is(error, stop.signal.reason);
    const asked = registry.log.slice(before).filter((line) => line.includes('/blobs/'));
    const blobs = [image.config.digest, ...image.diffIds].map((digest) => `GET /v2/made/blobs/${digest}`);
    assert.equal(asked.sort(), blobs.sort());
    await failureOf(readStored(root, `${registry.host}/made:${tag}`), 'IMAGE_NOT_FOUND');
  }
});

test('an image without layers is pulled, and one blob at a time where that is asked for', async () => {
  for (const image of [makeImage({ layers: [] }), makeImage({ layers: TWO_LAYERS })]) {
    await using registry = await startServing(image, new Map());
    const root = tempDir();
    const requests = { retries: 0, concurrency: 1 };
    const { blobs } = await pull(`${registry.host}/made:1.0`, root, { requests });
    assert.is(blobs, image.diffIds.length + 1);
    await readStored(root, `${registry.host}/made:1.0`);
  }
});

test('a layer may have the digest of the config: it is copied once, and the config is checked', async () => {
  const { config } = makeImage();
  const layer = { ...config, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
  const image = makeImage({ manifest: { layers: [layer] } });
  await using registry = await startServing(image, new Map());
  const { blobs, imageId } = await pull(`${registry.host}/made:1.0`, tempDir());
  assert.equal([blobs, imageId], [1, config.digest]);
  const wrong = makeImage({ manifest: { layers: [layer, layer] } });
  await using other = await startServing(wrong, new Map());
  await failureOf(pull(`${other.host}/made:1.0`, tempDir()), 'DOCUMENT_INVALID');
});

test('a config for other layers fails the pull, before any layer where the store has the config', async () => {
  const rootfs = { type: 'layers', diff_ids: makeImage().diffIds };
  const image = makeImage({ layers: TWO_LAYERS, config: { rootfs } });
  await using registry = await startServing(image, new Map());
  const root = tempDir();
  await failureOf(pull(`${registry.host}/made:1.0`, root), 'DOCUMENT_INVALID');
  await failureOf(readStored(root, `${registry.host}/made:1.0`), 'IMAGE_NOT_FOUND');
  const sink = await openStoreSink(root);
  await sink.write(image.config, image.blobs.get(image.config.digest) ?? Buffer.alloc(0));
  await sink.close();
  const before = registry.log.length;
  await failureOf(pull(`${registry.host}/made:1.0`, root), 'DOCUMENT_INVALID');
  assert.equal(registry.log.slice(before), ['GET /v2/made/manifests/1.0']);
});

test('no layer is asked for of an image that is for another platform, or that is not let in', async () => {
  const image = makeImage({ layers: TWO_LAYERS });
  await using registry = await startServing(image, new Map());
  const name = `${registry.host}/made:1.0`;
  const arm64 = { platform: parsePlatform('linux/arm64') };
  assert.is((await failureOf(pull(name, tempDir(), arm64), 'PLATFORM_NOT_FOUND')).where, name);
  const manifest = 'GET /v2/made/manifests/1.0';
  assert.equal(registry.log, [manifest, `GET /v2/made/blobs/${image.config.digest}`]);
  const signaturePolicy = join(tempDir(), 'policy.json');
  writeFileSync(signaturePolicy, JSON.stringify({ default: [{ type: 'reject' }] }));
  await failureOf(pull(name, tempDir(), { signaturePolicy }), 'IMAGE_REJECTED');
  assert.equal(registry.log.slice(2), [manifest]);
  const key = join(tempDir(), 'key.pub');
  writeFileSync(key, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
  await failureOf(pull(name, tempDir(), { signatures: { keys: [key] } }), 'SIGNATURE_MISSING');
  assert.not(registry.log.slice(3).some((line) => line.includes('/blobs/')));
});

test.run();
