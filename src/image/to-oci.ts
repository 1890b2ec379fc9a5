import { digestOf } from '../crypto/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { MEDIA_TYPE } from '../oci/media-type.ts';
import { manifestDocument } from '../oci/write-document.ts';
import type { Image } from './image.ts';

const OCI_TYPES: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.ociManifest],
  [MEDIA_TYPE.dockerConfig, MEDIA_TYPE.ociConfig],
  ['application/octet-stream', MEDIA_TYPE.ociConfig],
  ['', MEDIA_TYPE.ociConfig],
  [MEDIA_TYPE.dockerLayer, MEDIA_TYPE.ociLayer],
  [MEDIA_TYPE.dockerLayerGzip, MEDIA_TYPE.ociLayerGzip],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', MEDIA_TYPE.ociLayerZstd],
]);

const ociType = (descriptor: Descriptor): Descriptor => ({
  ...descriptor,
  mediaType: OCI_TYPES.get(descriptor.mediaType) ?? descriptor.mediaType,
});

/**
 * Returns the image with OCI's media types in the place of docker's: another manifest, and so another digest, over the
 * same blobs. An image that has OCI's types is returned as it is. Pure.
 */
export function toOci(image: Image): Image {
  const { manifest } = image;
  const config = ociType(manifest.config);
  const layers = manifest.layers.map(ociType);
  const same = [config, ...layers].every((d, i) => d.mediaType === [manifest.config, ...manifest.layers][i]?.mediaType);
  if (same && image.descriptor.mediaType === MEDIA_TYPE.ociManifest) return image;
  const { annotations, artifactType, subject } = manifest;
  const made = { mediaType: MEDIA_TYPE.ociManifest, artifactType, config, layers, subject, annotations };
  const raw = manifestDocument(made);
  return {
    ...image,
    descriptor: { mediaType: MEDIA_TYPE.ociManifest, digest: digestOf(raw), size: raw.length },
    manifest: { ...manifest, mediaType: MEDIA_TYPE.ociManifest, config, layers },
    layers: image.layers.map((layer, index) => ({ ...layer, descriptor: layers[index] ?? layer.descriptor })),
    raw: { ...image.raw, manifest: raw },
  };
}
