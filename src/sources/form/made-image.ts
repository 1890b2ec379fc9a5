import { digestOf } from '../../crypto/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { descriptorDocument } from '../../oci/write-document.ts';

/** An image with a manifest that was made here: the same image always gives the same bytes. */
export interface MadeImage {
  readonly descriptor: Descriptor;
  readonly manifest: Buffer;
}

/** Returns the descriptor of a document. */
function describeDocument(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Makes an OCI manifest for a config and its layers. A docker config is used as it is: OCI adopted its fields. */
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
