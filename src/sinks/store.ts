import type { Context } from '../events.ts';
import type { Sink } from '../image/sink.ts';
import { keepAttached } from '../store/attached.ts';
import { verifyBlob } from '../store/blobs.ts';
import { forgetReturned, holdsBlob } from '../store/dropped.ts';
import { writeBlob } from '../store/intake.ts';
import { addNames } from '../store/names.ts';
import { openStore } from '../store/open.ts';
import { removeLeftDocuments } from '../store/sweep.ts';
import { removeUnfinished, UNFINISHED_AGE } from '../store/unfinished.ts';
import { acquireLock } from '../sys/file/lock.ts';

/**
 * Opens the local store for writing; it is made where it is missing. An open sink holds a shared lock, so that no sweep
 * removes a blob before its image is published; `close` releases the lock and removes old unfinished blobs. Names are
 * image references; an image without one is known by its digest.
 * @param root the store's directory
 * @param options `verify`: whether `has` reads all bytes of a blob, and a damaged one is written again. Default: `has`
 * reads blobs of at most 4 MiB, compares the size of larger ones, and counts dropped ones as there. `onEvent`: told
 * when the sink waits long for another process, and when bytes that an earlier write left turn out wrong.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function openStoreSink(
  root: string,
  signal?: AbortSignal,
  options: { readonly verify?: boolean | undefined } & Pick<Context, 'onEvent'> = {},
): Promise<Sink> {
  const { verify = false, onEvent } = options;
  const store = await openStore(root, signal);
  const lock = await acquireLock(store.blobsLock, 'shared', { signal, onEvent });
  return {
    label: root,
    has: async (descriptor, abort) =>
      verify ? (await verifyBlob(store, descriptor, abort)) === 'right' : holdsBlob(store, descriptor, abort),
    async write(descriptor, content, abort) {
      await writeBlob(store, descriptor, content, { signal: abort, onEvent });
      await forgetReturned(store, descriptor.digest);
    },
    publish: (descriptor, names, abort) => addNames(store, descriptor, names, abort),
    attach: (subject, descriptor, tag, abort) => keepAttached(store, subject, { descriptor, tag }, abort),
    async close() {
      await lock.close();
      await removeUnfinished(store.partial, UNFINISHED_AGE);
      await removeLeftDocuments(store);
    },
  };
}
