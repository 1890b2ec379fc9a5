import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, isDigest } from '../oci/digest.ts';
import { STORE_NAME } from '../store-layout.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText, syncDirectory } from '../sys/file/replace-text.ts';
import { hasBlob, type PromisedBlob } from './blobs.ts';
import { blobPath, flatName } from './layout-names.ts';
import { namesIn } from './list-folder.ts';
import type { Store } from './open.ts';
import { readLayoutFile } from './read-layout-file.ts';

// A blob that was dropped on request has a file `dropped/ALGORITHM-HEX` in its place, with the reference that it can be
// fetched from.

/** The longest reference that is believed: names and digests are shorter. */
const MAX_REFERENCE = 4096;

function recordOf({ root }: Pick<Store, 'root'>, digest: Digest): string {
  return `${root}/${STORE_NAME.dropped}/${flatName(digest)}`;
}

/** Asked of every blob that is written, and few are dropped: a look costs less than a trip to a thread of Node. */
function hasRecord(store: Pick<Store, 'root'>, digest: Digest): boolean {
  return lstatSync(recordOf(store, digest), { throwIfNoEntry: false }) !== undefined;
}

/** Returns the reference that a dropped blob can be fetched from; undefined for a blob that was not dropped. */
export async function droppedFrom(store: Pick<Store, 'root'>, digest: Digest): Promise<string | undefined> {
  if (!hasRecord(store, digest)) return undefined;
  const bytes = await readLayoutFile(recordOf(store, digest), MAX_REFERENCE);
  return bytes?.toString('utf8').trim() || undefined;
}

/** Records a blob as dropped; the caller removes the blob then. The caller holds `indexLock`. @throws FILESYSTEM */
export async function recordDropped(store: Store, digest: Digest, reference: string): Promise<void> {
  await makeDirectory(join(store.root, STORE_NAME.dropped));
  await replaceText(recordOf(store, digest), store.partial, `${reference}\n`);
}

/** Removes the record of a dropped blob that no image needs any more. @throws FILESYSTEM */
export async function forgetDropped(store: Pick<Store, 'root'>, digest: Digest): Promise<void> {
  await rm(recordOf(store, digest), { force: true });
}

/**
 * Removes the record of a dropped blob that was written again. The blob's name is synced to the disk first: a power cut
 * that undid the rename alone would leave neither the blob nor its record. @throws FILESYSTEM
 */
export async function forgetReturned(store: Pick<Store, 'root'>, digest: Digest): Promise<void> {
  if (!hasRecord(store, digest)) return;
  if ((await droppedFrom(store, digest)) !== undefined) await syncDirectory(dirname(blobPath(store.root, digest)));
  await forgetDropped(store, digest);
}

/** Lists the blobs that were dropped. @throws FILESYSTEM */
export async function listDropped({ root }: Pick<Store, 'root'>): Promise<readonly Digest[]> {
  return (await namesIn(join(root, STORE_NAME.dropped))).map((name) => name.replace('-', ':')).filter(isDigest);
}

/** Whether the store has a blob, or has dropped it: then it comes back when it is read. @throws FILESYSTEM */
export async function holdsBlob(store: Store, blob: PromisedBlob, signal?: AbortSignal): Promise<boolean> {
  return (await hasBlob(store, blob, signal)) || (await droppedFrom(store, blob.digest)) !== undefined;
}
