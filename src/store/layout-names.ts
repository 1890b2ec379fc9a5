import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';

// Paths are put together as texts: each blob needs several, and Node's `join` takes 10 to 30 µs until it is compiled.

/** Names in an OCI layout. OCI image spec, image-layout.md. */
export const LAYOUT = { marker: 'oci-layout', index: 'index.json', blobs: 'blobs' } as const;

/** The content of the marker file. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** Returns `blobs/sha256/HEX`. A digest was checked when it was parsed, so it is safe in a path. */
export function blobName(digest: Digest): string {
  return `${LAYOUT.blobs}/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** Returns `ALGORITHM-HEX`, the name of a file about a blob. */
export function flatName(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest)}`;
}

/** Returns the path at which a blob is received: `ALGORITHM-HEX`, as `PARTIAL_BLOB` in store-layout.ts has it. */
export function partialPath(partial: string, digest: Digest): string {
  return `${partial}/${flatName(digest)}`;
}

/** Returns the path of a blob in a layout directory. */
export function blobPath(root: string, digest: Digest): string {
  return `${root}/${blobName(digest)}`;
}
