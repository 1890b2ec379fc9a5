import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../src/image/load.ts';
import { remadeImage } from '../../src/image/remade.ts';
import { toOci } from '../../src/image/to-oci.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { makeImage, memorySource } from '../support/image/image.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('image/to-oci');

test('docker’s media types become OCI’s, and the blobs stay the same', async () => {
  const made = makeImage({
    gzip: true,
    configType: MEDIA_TYPE.dockerConfig,
    layerType: MEDIA_TYPE.dockerLayerGzip,
    manifest: { mediaType: MEDIA_TYPE.dockerManifest, annotations: { a: 'b' } },
  });
  const descriptor = { ...made.descriptor, mediaType: MEDIA_TYPE.dockerManifest };
  const image = await loadImage(memorySource(descriptor, made.blobs), { platform });
  const oci = toOci(image);
  const manifest = parseManifest(oci.raw.manifest, oci.descriptor.mediaType, 'test');
  assert.is(manifest.mediaType, MEDIA_TYPE.ociManifest);
  assert.is(manifest.config.mediaType, MEDIA_TYPE.ociConfig);
  assert.is(manifest.layers[0]?.mediaType, MEDIA_TYPE.ociLayerGzip);
  assert.is(manifest.layers[0]?.digest, image.layers[0]?.descriptor.digest);
  assert.is(manifest.annotations?.a, 'b');
  assert.is(manifest.config.digest, image.manifest.config.digest);
  assert.is.not(oci.descriptor.digest, image.descriptor.digest);
});

test('an image that is OCI’s already keeps its manifest', async () => {
  const made = makeImage({ gzip: true });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  assert.is(toOci(image), image);
});

test('the artifact type and the subject stay', async () => {
  const told = { artifactType: 'application/vnd.example', subject: makeImage().descriptor };
  const made = makeImage({ gzip: true, layerType: MEDIA_TYPE.dockerLayerGzip, manifest: told });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  for (const other of [toOci(image), remadeImage(image, { annotations: { a: 'b' } })]) {
    const { artifactType, subject } = parseManifest(other.raw.manifest, MEDIA_TYPE.ociManifest, 'test');
    assert.is(artifactType, told.artifactType);
    assert.is(subject?.digest, told.subject.digest);
    assert.equal([other.manifest.artifactType, other.manifest.subject], [artifactType, subject]);
  }
});

test.run();
