import { join } from 'node:path';
import type { Descriptor } from '../oci/descriptor.ts';
import { type ImageIndex, parseImageIndex } from '../oci/image-index.ts';
import { MEDIA_TYPE } from '../oci/media-type.ts';
import { indexDocument } from '../oci/write-document.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { replaceText, syncDirectory } from '../sys/file/replace-text.ts';
import type { LayoutDirectory } from './blobs.ts';
import { LAYOUT } from './layout-names.ts';
import { namesIn } from './list-folder.ts';
import { readLayoutFile } from './read-layout-file.ts';

/** Reads index.json of a layout; undefined when it is missing. @throws DOCUMENT_INVALID, FILESYSTEM, LIMIT_EXCEEDED */
export async function readIndexFile(root: string): Promise<ImageIndex | undefined> {
  const path = join(root, LAYOUT.index);
  const bytes = await readLayoutFile(path);
  return bytes === undefined ? undefined : parseImageIndex(bytes, MEDIA_TYPE.ociIndex, path);
}

/** Writes the names of all blobs to the disk; their content is there since each was written. */
async function syncBlobFolders(root: string): Promise<void> {
  const blobs = join(root, LAYOUT.blobs);
  const algorithms = await namesIn(blobs);
  for (const algorithm of algorithms) await syncDirectory(join(blobs, algorithm));
  if (algorithms.length > 0) await syncDirectory(blobs);
}

/**
 * Replaces the entries of index.json by the result of `change`, under a lock, so that two writers do not undo each
 * other. A crash leaves the old or the new file. `change` may return the same array to change nothing.
 * @throws DOCUMENT_INVALID, FILESYSTEM, SYSTEM_CALL; after an error of `change` nothing has changed
 */
export async function updateIndexFile(
  layout: LayoutDirectory,
  lockFile: string,
  change: (manifests: readonly Descriptor[]) => readonly Descriptor[],
  signal?: AbortSignal,
): Promise<void> {
  await using _lock = await acquireLock(lockFile, 'exclusive', { signal, isOptional: layout.locksAreOptional });
  await changeIndexFile(layout, change);
}

/** `updateIndexFile` for a caller that holds the lock. @throws DOCUMENT_INVALID, FILESYSTEM */
export async function changeIndexFile(
  { root, partial }: LayoutDirectory,
  change: (manifests: readonly Descriptor[]) => readonly Descriptor[],
): Promise<void> {
  const index = await readIndexFile(root);
  const before = index?.manifests ?? [];
  const after = change(before);
  if (index !== undefined && after === before) return;
  // The blobs of the new entries must have their names on the disk before the entries are there.
  await syncBlobFolders(root);
  await replaceText(join(root, LAYOUT.index), partial, indexDocument(MEDIA_TYPE.ociIndex, after, index?.annotations));
}
