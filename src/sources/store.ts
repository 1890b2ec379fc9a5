import { TsimgError } from '../errors.ts';
import type { Source } from '../image/source.ts';
import { readStoreIndex } from '../store/names.ts';
import { hasMarker, openStore, storeAt, storeExists } from '../store/open.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { directoryFiles } from './files/directory-files.ts';
import { openLayoutSource } from './form/layout-source.ts';

/** A store that is not there holds nothing: looking into it does not make it. */
function emptySource(label: string): Source {
  return {
    label,
    resolve: async () => undefined,
    open: async (descriptor) => {
      throw new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', { where: `${label} ${descriptor.digest}` });
    },
    list: async () => [],
    close: async () => {},
  };
}

/**
 * The local store as a source. While it is open nothing is swept: layers that are about to be read stay.
 * @throws STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function openStoreSource(root: string, signal?: AbortSignal): Promise<Source> {
  if (!(await storeExists(root))) return emptySource(root);
  // What was lost of it is made anew, and a damaged list tells the way out.
  if ((await readStoreIndex(storeAt(root))) === undefined || !(await hasMarker(root))) await openStore(root, signal);
  const lock = await acquireLock(storeAt(root).blobsLock, 'shared', { signal });
  try {
    const source = await openLayoutSource(directoryFiles(root), { bareTags: false }, signal);
    return { ...source, close: () => lock.close() };
  } catch (error) {
    await lock.close();
    throw error;
  }
}
