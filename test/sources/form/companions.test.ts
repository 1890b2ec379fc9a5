import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../../src/image/load.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { hexOf } from '../../../src/oci/digest.ts';
import { directoryFiles } from '../../../src/sources/files/directory-files.ts';
import { openLayoutSource } from '../../../src/sources/form/layout-source.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage, makeIndex } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Layouts as cosign, oras and copies of registries write them: signatures, SBOMs and the members of an index beside the
// images.
const test = suite('sources/form/companions');

const openLayout = (path: string) => openLayoutSource(directoryFiles(path), { bareTags: true });

const amd64 = { os: 'linux', architecture: 'amd64' };
const image = makeImage({ config: { author: 'image' } });
const other = makeImage({ config: { author: 'other' } });
const child = makeImage({ config: { author: 'child' } });
const index = makeIndex([{ ...child.descriptor, platform: amd64 }]);
const indexBlobs = new Map([[index.descriptor.digest, index.bytes]]);

const SIGNATURE_TAG = `sha256-${hexOf(image.descriptor.digest)}.sig`;
/** An artifact with an image's config and cosign's layers. */
const signature = makeImage({ layerType: 'application/vnd.dev.cosign.simplesigning.v1+json' });
const sbom = makeImage({ manifest: { artifactType: 'application/spdx+json' } });
const referrer = makeImage({ manifest: { subject: image.descriptor } });
const chart = makeImage({ configType: 'application/vnd.cncf.helm.config.v1+json' });

const layoutOf = (entries: readonly Descriptor[], folder = tempDir()) =>
  writeLayout(
    folder,
    entries,
    ...[image, other, child, signature, sbom, referrer, chart].map(({ blobs }) => blobs),
    indexBlobs,
  );

async function only(...entries: readonly Descriptor[]): Promise<string | undefined> {
  return (await (await openLayout(layoutOf(entries))).resolve())?.digest;
}

test('signatures, SBOMs and referrers beside one image do not make it several images', async () => {
  const { digest } = image.descriptor;
  assert.is(await only(named(image.descriptor, 'v1'), named(signature.descriptor, SIGNATURE_TAG)), digest);
  assert.is(await only(named(signature.descriptor, 'signed'), named(image.descriptor, 'v1')), digest);
  assert.is(await only(sbom.descriptor, named(image.descriptor, 'v1'), referrer.descriptor), digest);
  assert.is(await only(named(image.descriptor, 'v1'), named(chart.descriptor, 'chart')), digest);
  assert.is(await only(image.descriptor, { ...other.descriptor, artifactType: 'application/x-anything' }), digest);
});

test('the members of an index that is listed are not several images, named or not', async () => {
  assert.is(await only(named(index.descriptor, 'v1'), child.descriptor), index.descriptor.digest);
  assert.is(await only(named(child.descriptor, 'v1-amd64'), named(index.descriptor, 'v1')), index.descriptor.digest);
});

test('several images are ambiguous, whatever their companions', async () => {
  const entries = [named(image.descriptor, 'a'), named(other.descriptor, 'b'), sbom.descriptor];
  const error = await failureOf((await openLayout(layoutOf(entries))).resolve(), 'IMAGE_AMBIGUOUS');
  assert.equal(error.facts.images, ['a', 'b']);
});

test('artifacts alone count as images', async () => {
  assert.is(await only(chart.descriptor), chart.descriptor.digest);
  const two = openLayout(layoutOf([named(chart.descriptor, 'a'), named(sbom.descriptor, 'b')]));
  await failureOf((await two).resolve(), 'IMAGE_AMBIGUOUS');
});

test('any entry is found by its name', async () => {
  const source = await openLayout(layoutOf([named(index.descriptor, 'v1'), named(child.descriptor, 'amd64')]));
  assert.is((await source.resolve('amd64'))?.digest, child.descriptor.digest);
});

test('a member of an index is found by its digest, also where index.json does not list it', async () => {
  const source = await openLayout(layoutOf([named(index.descriptor, 'v1')]));
  const { digest } = child.descriptor;
  assert.is((await loadImage(source, { name: digest })).descriptor.digest, digest);
  assert.is(await source.resolve(`sha256:${'0'.repeat(64)}`), undefined);
});

test('a list has artifacts marked, and members of an index only by their names', async () => {
  const entries = [named(image.descriptor, 'v1'), sbom.descriptor, index.descriptor, child.descriptor];
  const source = await openLayout(layoutOf(entries));
  const list = (await source.list?.()) ?? [];
  assert.equal(
    list.map(({ name, descriptor, isArtifact }) => [name, descriptor.digest, isArtifact]),
    [
      ['v1', image.descriptor.digest, false],
      [undefined, sbom.descriptor.digest, true],
      [undefined, index.descriptor.digest, false],
    ],
  );
});

test('an unreadable entry hides no other, and counts as an image', async () => {
  const folder = layoutOf([named(image.descriptor, 'a'), named(sbom.descriptor, 'b')]);
  rmSync(join(folder, 'blobs', 'sha256', hexOf(sbom.descriptor.digest)));
  await failureOf((await openLayout(folder)).resolve(), 'IMAGE_AMBIGUOUS');
});

test('for two images of one name, the error lists digests', async () => {
  const source = await openLayout(layoutOf([named(image.descriptor, 'v1'), named(other.descriptor, 'v1')]));
  for (const name of [undefined, 'v1']) {
    const error = await failureOf(source.resolve(name), 'IMAGE_AMBIGUOUS');
    assert.equal(error.facts.images, [image.descriptor.digest, other.descriptor.digest]);
  }
  assert.is((await source.resolve(other.descriptor.digest))?.digest, other.descriptor.digest);
});

test('of two forms for one platform, the one without needed features is chosen', async () => {
  const nydus = { ...other.descriptor, platform: { ...amd64, osFeatures: ['nydus.remoteimage.v1'] } };
  const source = await openLayout(layoutOf([nydus, { ...image.descriptor, platform: amd64 }]));
  assert.is((await source.resolve())?.mediaType, index.descriptor.mediaType);
});

test.run();
