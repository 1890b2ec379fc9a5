import { digestOf } from '../../crypto/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { descriptorDocument } from '../../oci/write-document.ts';

/** An image whose manifest no medium holds: it is made, the same bytes from the same image every time. */
export interface MadeImage {
  readonly descriptor: Descriptor;
  readonly manifest: Buffer;
}

/** What the bytes of a document are called. */
export function describeDocument(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/**
 * An OCI manifest for a config and its layers: the form that every tool reads. A docker config serves as it is, for OCI
 * took its fields over.
 */
export function makeManifest(config: Buffer, layers: readonly Descriptor[]): MadeImage {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: descriptorDocument(describeDocument(MEDIA_TYPE.ociConfig, config)),
    layers: layers.map(descriptorDocument),
  };
  const manifest = Buffer.from(JSON.stringify(document));
  return { descriptor: describeDocument(MEDIA_TYPE.ociManifest, manifest), manifest };
}
