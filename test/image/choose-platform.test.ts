import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { choosePlatform, platformNotFound, platformsOf } from '../../src/image/choose-platform.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { type ImageIndex, parseImageIndex } from '../../src/oci/image-index.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { makeImage, makeIndex } from '../support/image/image.ts';

const test = suite('image/choose-platform');

/** A descriptor that differs by its author, for a platform as users write it. */
function entry(author: string, platform?: string, more: Partial<Descriptor> = {}): Descriptor {
  const { descriptor } = makeImage({ config: { author } });
  return { ...descriptor, ...(platform === undefined ? {} : { platform: parsePlatform(platform) }), ...more };
}

function indexOf(...manifests: readonly Descriptor[]): ImageIndex {
  return parseImageIndex(makeIndex(manifests).bytes, MEDIA_TYPE.ociIndex, 'test');
}

const chosen = (index: ImageIndex, platform: string) => choosePlatform(index, parsePlatform(platform)).chosen?.digest;

test('the exact platform wins over a compatible one, whatever their order', () => {
  const v6 = entry('v6', 'linux/arm/v6');
  const v7 = entry('v7', 'linux/arm/v7');
  assert.is(chosen(indexOf(v6, v7), 'linux/arm/v7'), v7.digest);
  assert.is(chosen(indexOf(v6), 'linux/arm/v7'), v6.digest);
  assert.is(chosen(indexOf(v7), 'linux/arm/v6'), undefined);
});

test('of equal entries the first is chosen', () => {
  const first = entry('first', 'linux/amd64');
  assert.is(chosen(indexOf(first, entry('second', 'linux/amd64')), 'linux/amd64'), first.digest);
});

test('an entry that needs features of its host is chosen only when no other entry serves', () => {
  const platform = {
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
    osVersion: undefined,
    osFeatures: ['nydus.remoteimage.v1'],
  };
  const nydus = entry('nydus', undefined, { platform });
  const plain = entry('plain', 'linux/arm/v6');
  assert.is(chosen(indexOf(nydus, plain), 'linux/arm/v7'), plain.digest);
  assert.is(chosen(indexOf(nydus), 'linux/arm/v7'), nydus.digest);
  assert.equal(indexOf(nydus).manifests[0]?.platform, platform);
});

test('an amd64/v3 image is not for a plain amd64 machine', () => {
  assert.is(chosen(indexOf(entry('v3', 'linux/amd64/v3')), 'linux/amd64'), undefined);
});

test('attestations, artifacts and unknown documents are no images, even with a platform', () => {
  const index = indexOf(
    entry('attestation', 'unknown/unknown'),
    entry('marked', 'linux/amd64', { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }),
    entry('artifact', 'linux/amd64', { artifactType: 'application/vnd.example.sbom' }),
    entry('blob', 'linux/amd64', { mediaType: 'application/json' }),
  );
  assert.is(chosen(index, 'linux/amd64'), undefined);
  assert.equal(choosePlatform(index, parsePlatform('linux/amd64')).unlabelled, []);
});

test('entries without a platform are listed apart', () => {
  const silent = entry('silent');
  const index = indexOf(entry('other', 'linux/s390x'), silent);
  assert.equal(
    choosePlatform(index, parsePlatform('linux/amd64')).unlabelled.map(({ digest }) => digest),
    [silent.digest],
  );
});

test('the error lists each platform once and proposes one', () => {
  const index = indexOf(entry('a', 'linux/arm64'), entry('b', 'linux/arm64'), entry('c', 'linux/s390x'));
  const error = platformNotFound(parsePlatform('linux/amd64'), platformsOf(index), 'test');
  assert.is(error.code, 'PLATFORM_NOT_FOUND');
  assert.equal(error.facts.available, ['linux/arm64', 'linux/s390x']);
  assert.match(error.hint ?? '', '--platform linux/arm64');
});

test.run();
