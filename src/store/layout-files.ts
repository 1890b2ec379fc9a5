import { join } from 'node:path';
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';

/** Names inside an OCI layout. OCI image spec, image-layout.md. */
export const LAYOUT = { marker: 'oci-layout', index: 'index.json', blobs: 'blobs' } as const;

/** What the marker file says. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** `blobs/sha256/HEX`. A digest is checked text: no path is made of anything else. */
export function blobName(digest: Digest): string {
  return `${LAYOUT.blobs}/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** Where a blob is in a layout directory. */
export function blobPath(root: string, digest: Digest): string {
  return join(root, blobName(digest));
}
