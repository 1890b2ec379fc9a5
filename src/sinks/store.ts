import type { Sink } from '../image/sink.ts';
import { hasBlob, verifyBlob, writeBlob } from '../store/blobs.ts';
import { addNames } from '../store/names.ts';
import { openStore } from '../store/open.ts';
import { removePartialBlobs } from '../store/sweep.ts';
import { acquireLock } from '../sys/file/lock.ts';

/**
 * The local store as a sink. While it is open nothing is swept, so that a blob that was found or written is still there
 * when its image is published; closed, it removes what writes that were killed have left. Names are image references;
 * without one an image is known by its digest.
 * `verify`: what is there is taken for what it should be only when all of its bytes are; else it is set aside and written again.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function openStoreSink(
  root: string,
  signal?: AbortSignal,
  { verify = false }: { readonly verify?: boolean | undefined } = {},
): Promise<Sink> {
  const store = await openStore(root, signal);
  const lock = await acquireLock(store.blobsLock, 'shared', { signal });
  return {
    label: root,
    has: async (descriptor, abort) =>
      verify ? (await verifyBlob(store, descriptor, abort)) === 'right' : hasBlob(store, descriptor, abort),
    write: (descriptor, content, abort) => writeBlob(store, descriptor, content, abort),
    publish: (descriptor, names, abort) => addNames(store, descriptor, names, abort),
    async close() {
      await lock.close();
      await removePartialBlobs(store);
    },
  };
}
