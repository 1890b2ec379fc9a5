import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { type ErrorCode, TsimgError } from '../../src/errors.ts';
import { chainIds } from '../../src/oci/chain-id.ts';
import { checkLayerCount, parseImageConfig } from '../../src/oci/config.ts';
import { isDigest, parseDigest } from '../../src/oci/digest.ts';
import { isAttestation, parseImageIndex } from '../../src/oci/image-index.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { documentKindOf, isLayerMediaType, MEDIA_TYPE } from '../../src/oci/media-type.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const DESCRIPTOR = { mediaType: MEDIA_TYPE.ociConfig, digest: DIGEST, size: 2 };
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

function throwsCode(action: () => unknown, code: ErrorCode): void {
  assert.throws(action, (error: unknown) => error instanceof TsimgError && error.code === code);
}

const test = suite('oci/documents');

test('a digest is a known algorithm and its number of lower-case hex digits', () => {
  assert.ok(isDigest(DIGEST));
  assert.ok(isDigest(`sha512:${'f'.repeat(128)}`));
  for (const text of [
    '',
    'sha256:',
    'sha256',
    `sha256:${'0'.repeat(63)}`,
    `SHA256:${'0'.repeat(64)}`,
    `sha256:../${'0'.repeat(61)}`,
    `sha256:${'0'.repeat(64)}\n`,
  ]) {
    throwsCode(() => parseDigest(text), 'DIGEST_INVALID');
  }
});

test('a manifest keeps its layers in order', () => {
  const manifest = parseManifest(
    bytes({
      schemaVersion: 2,
      config: DESCRIPTOR,
      layers: [
        { ...DESCRIPTOR, size: 1 },
        { ...DESCRIPTOR, size: 2 },
      ],
    }),
    '',
    'x',
  );
  assert.equal(
    manifest.layers.map((layer) => layer.size),
    [1, 2],
  );
});

test('a document that is a manifest and an index at once is refused, with either media type', () => {
  const both = bytes({ schemaVersion: 2, config: DESCRIPTOR, layers: [], manifests: [] });
  throwsCode(() => parseManifest(both, MEDIA_TYPE.ociManifest, 'x'), 'DOCUMENT_INVALID');
  throwsCode(() => parseImageIndex(both, MEDIA_TYPE.ociIndex, 'x'), 'DOCUMENT_INVALID');
});

test('a document whose own media type contradicts its descriptor is refused', () => {
  const index = bytes({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] });
  throwsCode(() => parseManifest(index, MEDIA_TYPE.ociManifest, 'x'), 'DOCUMENT_INVALID');
});

test('docker schema 1 is refused by name', () => {
  throwsCode(() => parseManifest(bytes({ schemaVersion: 1, fsLayers: [] }), '', 'x'), 'FORMAT_UNSUPPORTED');
});

test('a wrong type names its field', () => {
  try {
    parseManifest(bytes({ schemaVersion: 2, config: { ...DESCRIPTOR, size: -1 }, layers: [] }), '', 'x');
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof TsimgError && error.why?.startsWith('field config.size'));
  }
});

test('null stands for absent, as Go writes it', () => {
  assert.equal(parseImageIndex(bytes({ schemaVersion: 2, manifests: null, annotations: null }), '', 'x').manifests, []);
  const config = parseImageConfig(
    bytes({ os: 'linux', architecture: 'amd64', config: null, rootfs: null, history: null, created: null }),
    'x',
  );
  assert.equal(config.diffIds, []);
  assert.equal(config.run.env, []);
});

test('an old Entrypoint or Cmd that is one string is one word', () => {
  const config = parseImageConfig(bytes({ architecture: 'amd64', config: { Cmd: '/bin/sh', Entrypoint: null } }), 'x');
  assert.equal(config.run.cmd, ['/bin/sh']);
  assert.equal(config.run.entrypoint, []);
});

test('a byte order mark and a trailing newline are no harm', () => {
  assert.equal(parseImageIndex(bytes('\ufeff{"schemaVersion":2,"manifests":[]}\n'), '', 'x').manifests, []);
});

test('text that is not JSON, or JSON of another kind, is DOCUMENT_INVALID', () => {
  for (const text of ['', '{', 'null', '[]', '"x"', '1', '\u0000', '{"schemaVersion":2,"config":[]}']) {
    throwsCode(() => parseManifest(bytes(text), '', 'x'), 'DOCUMENT_INVALID');
    throwsCode(() => parseImageIndex(bytes(text), '', 'x'), 'DOCUMENT_INVALID');
  }
  throwsCode(() => parseImageConfig(Buffer.from([0xff, 0xfe]), 'x'), 'DOCUMENT_INVALID');
});

test('keys of the prototype are data like others', () => {
  const text = `{"schemaVersion":2,"manifests":[],"annotations":{"__proto__":"x","constructor":"y"}}`;
  const { annotations } = parseImageIndex(bytes(text), '', 'x');
  assert.is(annotations?.constructor as unknown, 'y');
  assert.is(({} as Record<string, unknown>).x, undefined);
});

test('a manifest and a config that disagree about the layers are refused', () => {
  const config = parseImageConfig(
    bytes({ architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [DIGEST] } }),
    'x',
  );
  throwsCode(() => checkLayerCount(2, config, 'x'), 'DOCUMENT_INVALID');
});

test('attestations are recognised by their annotation or their platform', () => {
  const [attestation, image] = parseImageIndex(
    bytes({
      schemaVersion: 2,
      manifests: [
        { ...DESCRIPTOR, platform: { os: 'unknown', architecture: 'unknown' } },
        { ...DESCRIPTOR, platform: { os: 'linux', architecture: 'amd64' } },
      ],
    }),
    '',
    'x',
  ).manifests;
  assert.ok(attestation !== undefined && isAttestation(attestation));
  assert.not(image !== undefined && isAttestation(image));
});

test('media types are recognised with parameters', () => {
  assert.is(documentKindOf('application/vnd.oci.image.index.v1+json; charset=utf-8'), 'index');
  assert.is(documentKindOf('application/vnd.docker.distribution.manifest.v1+prettyjws'), 'schema1');
  assert.ok(isLayerMediaType('application/vnd.docker.image.rootfs.diff.tar.zstd'));
  assert.not(isLayerMediaType('application/vnd.oci.image.layer.v1.tar+gzip+encrypted'));
});

test('a chain ID is the digest of the chain below and the diff ID', () => {
  const a = digestOf('a');
  const b = digestOf('b');
  assert.equal(chainIds([a, b], digestOf), [a, digestOf(`${a} ${b}`)]);
  assert.equal(chainIds([], digestOf), []);
});

test.run();
