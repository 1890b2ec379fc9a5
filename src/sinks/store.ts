import type { Sink } from '../image/sink.ts';
import { keepAttached } from '../store/attached.ts';
import { hasBlob, verifyBlob, writeBlob } from '../store/blobs.ts';
import { addNames } from '../store/names.ts';
import { openStore } from '../store/open.ts';
import { removePartialBlobs } from '../store/sweep.ts';
import { acquireLock } from '../sys/file/lock.ts';

/**
 * Opens the local store for writing; it is made where it is missing. An open sink holds a shared lock, so that no sweep
 * removes a blob before its image is published; `close` releases the lock and removes blobs that killed writers left
 * half-written. Names are image references; an image without one is known by its digest.
 * @param root the store's directory
 * @param options `verify`: whether `has` reads all bytes of a blob, and a damaged one is written again. Default: only
 * its size is compared.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function openStoreSink(
  root: string,
  signal?: AbortSignal,
  options: { readonly verify?: boolean | undefined } = {},
): Promise<Sink> {
  const { verify = false } = options;
  const store = await openStore(root, signal);
  const lock = await acquireLock(store.blobsLock, 'shared', { signal });
  return {
    label: root,
    has: async (descriptor, abort) =>
      verify ? (await verifyBlob(store, descriptor, abort)) === 'right' : hasBlob(store, descriptor, abort),
    write: (descriptor, content, abort) => writeBlob(store, descriptor, content, abort),
    publish: (descriptor, names, abort) => addNames(store, descriptor, names, abort),
    attach: (subject, descriptor, tag, abort) => keepAttached(store, subject, { descriptor, tag }, abort),
    async close() {
      await lock.close();
      await removePartialBlobs(store);
    },
  };
}
