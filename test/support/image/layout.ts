import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../../../src/oci/digest.ts';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { indexDocument } from '../../../src/oci/write-document.ts';

/** Writes an OCI layout without the product's code, so that a test of the reader proves something. */
export function writeLayout(
  path: string,
  entries: readonly Descriptor[],
  ...blobs: readonly ReadonlyMap<Digest, Buffer>[]
): string {
  for (const map of blobs) {
    for (const [digest, bytes] of map) {
      const folder = join(path, 'blobs', algorithmOf(digest));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, hexOf(digest)), bytes);
    }
  }
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'index.json'), indexDocument(MEDIA_TYPE.ociIndex, entries));
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return path;
}

/** Returns the entry of a layout's index for an image under a name. */
export function named(descriptor: Descriptor, refName: string, containerdName?: string): Descriptor {
  const containerd = containerdName === undefined ? {} : { 'io.containerd.image.name': containerdName };
  return { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': refName, ...containerd } };
}
