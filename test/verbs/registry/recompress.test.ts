import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import type { Digest } from '../../../src/oci/digest.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { listFiles } from '../../../src/verbs/layers/list-files.ts';
import { type CopySourceOptions, copySource } from '../../../src/verbs/registry/copy.ts';
import { pushImage } from '../../../src/verbs/registry/push.ts';
import { failureOf } from '../../support/failure-of.ts';
import { describe, makeImage, makeIndex } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { dir, file, tarOf } from '../../support/image/tar.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { startUploadRegistry } from '../../support/registry/upload-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('verbs/registry/recompress');

const folder = tempDir();
const layers = [tarOf(dir('etc'), file('etc/motd', 'hello\n'.repeat(5000))), tarOf(file('second', 'x'.repeat(40_000)))];
const estargz = { 'containerd.io/snapshot/stargz/toc.digest': 'sha256:x', 'org.example.kept': 'yes' };
const made = makeImage({ layers, gzip: true });
const docker = makeImage({
  layers,
  gzip: true,
  layerType: MEDIA_TYPE.dockerLayerGzip,
  configType: MEDIA_TYPE.dockerConfig,
  manifest: { mediaType: MEDIA_TYPE.dockerManifest },
});
const dockerManifest = { ...docker.descriptor, mediaType: MEDIA_TYPE.dockerManifest };
/** An image whose layers have annotations, of their bytes and others. */
const annotated = makeImage({
  layers,
  gzip: true,
  manifest: {
    layers: [...made.blobs.keys()].slice(0, 2).map((digest) => ({
      ...describe(MEDIA_TYPE.ociLayerGzip, made.blobs.get(digest) ?? Buffer.alloc(0)),
      annotations: estargz,
    })),
  },
});
/** An attestation of BuildKit, which is no image. */
const attestation = makeImage({
  layers: [Buffer.from('{"predicate":{}}')],
  layerType: 'application/vnd.in-toto+json',
  config: { os: 'unknown', architecture: 'unknown' },
});
const arm = makeImage({ layers: [layers[1] ?? Buffer.alloc(0)], platform: { os: 'linux', architecture: 'arm64' } });
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociIndex,
    manifests: [
      { ...made.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
      {
        ...attestation.descriptor,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.digest': made.descriptor.digest },
      },
    ],
    annotations: { 'org.example.index': 'kept' },
  }),
);
const indexDescriptor = describe(MEDIA_TYPE.ociIndex, index);
const layout = writeLayout(
  join(folder, 'layout'),
  [
    named(made.descriptor, 'one'),
    named(dockerManifest, 'docker'),
    named(annotated.descriptor, 'annotated'),
    named(indexDescriptor, 'all'),
  ],
  ...[made, docker, annotated, attestation, arm].map(({ blobs }) => blobs),
  new Map([[indexDescriptor.digest, index]]),
);
const options: CopySourceOptions = { root: join(folder, 'store'), env: { HOME: '/nonexistent' } };
const source = (name: string) => `oci:${layout}:${name}`;
let count = 0;
const target = () => `oci:${join(folder, `to-${++count}`)}:1`;

/** The media types of an image: of the manifest, the config and the layers. */
async function typesOf(text: string): Promise<readonly string[]> {
  await using opened = await openImage(text, options);
  const { descriptor, manifest } = opened.image;
  // Reading checks the digests, the diff IDs and the compression.
  const names: string[] = [];
  for await (const { path } of listFiles(opened.image)) names.push(path);
  assert.equal(names, ['', 'etc', 'etc/motd', 'second']);
  return [descriptor.mediaType, manifest.config.mediaType, ...manifest.layers.map(({ mediaType }) => mediaType)];
}

for (const [kind, layerType] of [
  ['gzip', MEDIA_TYPE.ociLayerGzip],
  ['zstd', MEDIA_TYPE.ociLayerZstd],
  ['none', MEDIA_TYPE.ociLayer],
] as const) {
  test(`layers are stored with ${kind}, and keep their diff IDs`, async () => {
    const to = target();
    const report = await copySource(source('one'), to, { ...options, compression: { kind } });
    assert.equal(await typesOf(to), [MEDIA_TYPE.ociManifest, MEDIA_TYPE.ociConfig, layerType, layerType]);
    const { recompression } = report;
    assert.is(recompression?.sourceDigest, made.descriptor.digest);
    assert.is(report.digest === made.descriptor.digest, kind === 'gzip');
    assert.equal(
      recompression?.layers.map(({ diffId }) => diffId),
      kind === 'gzip' ? [] : made.diffIds,
    );
  });
}

test('docker’s manifest stays docker’s with gzip or without compression, and becomes OCI’s with zstd', async () => {
  const { dockerManifest: type, dockerConfig: config, dockerLayer: plain } = MEDIA_TYPE;
  const { ociManifest, ociConfig, ociLayerZstd } = MEDIA_TYPE;
  const plainly = `store:docker.example/plain:1`;
  await copySource(source('docker'), plainly, { ...options, compression: { kind: 'none' } });
  assert.equal(await typesOf('docker.example/plain:1'), [type, config, plain, plain]);
  const back = await copySource(plainly, target(), { ...options, compression: { kind: 'gzip', level: 1 } });
  assert.is(back.recompression?.layers.length, 2);
  const to = target();
  await copySource(source('docker'), to, { ...options, compression: { kind: 'zstd' } });
  assert.equal(await typesOf(to), [ociManifest, ociConfig, ociLayerZstd, ociLayerZstd]);
});

test('annotations that speak of the bytes of a layer are removed, others stay', async () => {
  const to = target();
  await copySource(source('annotated'), to, { ...options, compression: { kind: 'zstd' } });
  await using opened = await openImage(to, options);
  for (const { annotations } of opened.image.manifest.layers) {
    assert.equal({ ...annotations }, { 'org.example.kept': 'yes' });
  }
});

test('an image that refers to another one still does when its layers are stored anew', async () => {
  const told = { artifactType: 'application/vnd.example', subject: made.descriptor };
  const { descriptor, blobs } = makeImage({ layers, gzip: true, manifest: told });
  const path = writeLayout(join(folder, 'referring'), [named(descriptor, '1')], blobs);
  const to = target();
  await copySource(`oci:${path}:1`, to, { ...options, compression: { kind: 'none' } });
  await using opened = await openImage(to, options);
  const { artifactType, subject } = opened.image.manifest;
  assert.equal([artifactType, subject?.digest], [told.artifactType, made.descriptor.digest]);
});

test('each layer that is stored anew is told from its beginning to its end', async () => {
  const events: TsimgEvent[] = [];
  const onEvent = (event: TsimgEvent) => void events.push(event);
  const { recompression } = await copySource(source('one'), target(), {
    ...options,
    compression: { kind: 'zstd' },
    onEvent,
  });
  for (const { diffId, from, to } of recompression?.layers ?? []) {
    const own = events.filter((event) => 'diffId' in event && event.diffId === diffId);
    assert.equal([own[0]?.kind, own[1]?.kind], ['layer-started', 'layer-progress']);
    assert.equal(own.at(-1), { kind: 'layer-compressed', diffId, digest: to.digest, from: from.size, to: to.size });
  }
  assert.is(events.filter(({ kind }) => kind === 'layer-compressed').length, 2);
});

test('a lost signature is told, and nothing is told where the digest stays', async () => {
  for (const [kind, told] of [
    ['zstd', 1],
    ['gzip', 0],
  ] as const) {
    const warnings: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    const { digest } = await copySource(source('one'), target(), { ...options, compression: { kind }, onEvent });
    assert.is(warnings.length, told);
    for (const each of warnings) assert.ok(each.includes(made.descriptor.digest) && each.includes(digest), each);
  }
});

test('with all platforms, each manifest and the index are written anew, and an attestation names the new image', async () => {
  const path = join(folder, 'all');
  const { digest, recompression } = await copySource(source('all'), `oci:${path}:1`, {
    ...options,
    all: true,
    compression: { kind: 'zstd' },
  });
  assert.is(recompression?.sourceDigest, indexDescriptor.digest);
  assert.is(recompression?.layers.length, 3);
  const document = JSON.parse(readFileSync(join(path, 'blobs', ...digest.split(':')), 'utf8'));
  const [amd64, arm64, attested] = document.manifests;
  assert.equal(document.annotations, { 'org.example.index': 'kept' });
  assert.not.equal(amd64.digest, made.descriptor.digest);
  assert.equal([amd64.platform.architecture, arm64.platform.architecture], ['amd64', 'arm64']);
  assert.is(attested.digest, attestation.descriptor.digest);
  assert.equal(attested.annotations, { 'vnd.docker.reference.digest': amd64.digest });
  await using opened = await openImage(`oci:${path}:1`, {
    ...options,
    platform: { os: 'linux', architecture: 'arm64' },
  });
  assert.is(opened.image.descriptor.digest, arm64.digest);
  assert.is(opened.image.layers[0]?.descriptor.mediaType, MEDIA_TYPE.ociLayerZstd);
});

test('a nested index of which nothing changes keeps its digest', async () => {
  const nested = makeIndex([{ ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64' } }]);
  const outer = makeIndex([
    { ...made.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    nested.descriptor,
  ]);
  const documents = new Map([nested, outer].map(({ descriptor, bytes }) => [descriptor.digest, bytes] as const));
  const from = writeLayout(join(folder, 'nested'), [named(outer.descriptor, '1')], made.blobs, arm.blobs, documents);
  const path = join(folder, 'from-nested');
  const settings = { ...options, all: true, compression: { kind: 'none' } } as const;
  const { digest } = await copySource(`oci:${from}:1`, `oci:${path}:1`, settings);
  const { manifests } = JSON.parse(readFileSync(join(path, 'blobs', ...digest.split(':')), 'utf8'));
  assert.not.equal(manifests[0].digest, made.descriptor.digest);
  assert.is(manifests[1].digest, nested.descriptor.digest);
});

for (const all of [false, true]) {
  for (const kind of ['none', 'gzip'] as const) {
    const what = `${all ? 'all platforms' : 'one platform'}, --compression ${kind}`;
    test(`a layer that a mirror has wrong comes from the registry: ${what}`, async () => {
      await using registry = await startUploadRegistry();
      await using mirror = await startFakeRegistry();
      const name = `${registry.host}/app:1`;
      await pushImage(source('one'), parseReference(name), options);
      const [layer] = JSON.parse(String(made.blobs.get(made.descriptor.digest))).layers;
      const body = Buffer.from(made.blobs.get(layer.digest) ?? '');
      body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 0xff;
      mirror.expect({ path: `/v2/app/blobs/${layer.digest}`, body });
      const registriesConf = join(folder, `mirror-${all}-${kind}.conf`);
      const mirrored = `[[registry.mirror]]\nlocation = "${mirror.host}"\n`;
      writeFileSync(registriesConf, `[[registry]]\nlocation = "${registry.host}"\n${mirrored}`);
      const settings = { ...options, mirrors: { registriesConf }, all, compression: { kind } };
      const { recompression } = await copySource(`docker://${name}`, target(), settings);
      assert.is(recompression?.layers.length, kind === 'none' ? 2 : 0);
      assert.ok(mirror.log.some((line) => line.includes(layer.digest)));
    });
  }
}

test('a layer with another diff ID than the config says is not sent', async () => {
  const wrong = makeImage({
    layers: [tarOf(file('a', '1'))],
    gzip: true,
    config: { rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] } },
  });
  const path = writeLayout(join(folder, 'wrong'), [named(wrong.descriptor, '1')], wrong.blobs);
  const run = copySource(`oci:${path}:1`, target(), { ...options, compression: { kind: 'none' } });
  await failureOf(run, 'DIFF_ID_MISMATCH');
});

test('what contradicts itself is refused', async () => {
  const zstd = { kind: 'zstd' } as const;
  const pinned: Digest = made.descriptor.digest;
  await failureOf(
    copySource(source('one'), target(), { ...options, compression: { kind: 'zstd', level: 0 } }),
    'USAGE',
  );
  await failureOf(
    copySource(source('one'), target(), { ...options, compression: { kind: 'none', level: 1 } }),
    'USAGE',
  );
  await failureOf(
    copySource(source('one'), 'store:a.example/b:1', { ...options, compression: zstd, referrers: true }),
    'USAGE',
  );
  await failureOf(
    pushImage(source('one'), parseReference(`localhost:1/a@${pinned}`), { ...options, compression: zstd }),
    'USAGE',
  );
});

test('push sends the layers in their new form', async () => {
  await using registry = await startUploadRegistry();
  const to = `${registry.host}/app:1`;
  const report = await pushImage(source('one'), parseReference(to), { ...options, compression: { kind: 'zstd' } });
  assert.equal(
    [...registry.blobs.keys()].sort(),
    [report.imageId, ...(report.recompression?.layers ?? []).map((each) => each.to.digest)].sort(),
  );
  const types = await typesOf(`docker://${to}`);
  assert.equal(types.slice(2), [MEDIA_TYPE.ociLayerZstd, MEDIA_TYPE.ociLayerZstd]);
});

if (haveTools('skopeo', 'zstd')) {
  test('skopeo copies the image, and zstd reads its layers', async () => {
    const path = join(folder, 'for-skopeo');
    const { recompression } = await copySource(source('one'), `oci:${path}:1`, {
      ...options,
      compression: { kind: 'zstd', level: 19 },
    });
    for (const [at, { to }] of (recompression?.layers ?? []).entries()) {
      const { stdout, status } = spawnSync('zstd', ['-dc', join(path, 'blobs', ...to.digest.split(':'))]);
      assert.is(status, 0);
      assert.ok(stdout.equals(layers[at] ?? Buffer.alloc(0)));
    }
    const copied = spawnSync('skopeo', ['copy', `oci:${path}:1`, `dir:${join(folder, 'skopeo')}`], {
      encoding: 'utf8',
    });
    assert.is(copied.status, 0, copied.stderr);
  });
}

test.run();
