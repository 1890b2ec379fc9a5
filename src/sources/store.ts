import { TsimgError } from '../errors.ts';
import type { Source } from '../image/source.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { readAttached } from '../store/attached.ts';
import { blobName } from '../store/layout-names.ts';
import { readStoreIndex } from '../store/names.ts';
import { hasMarker, openStore, storeAt, storeExists } from '../store/open.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { type BringBackOptions, bringingBack } from './bring-back.ts';
import { directoryFiles } from './files/directory-files.ts';
import { openLayoutSource } from './form/layout-source.ts';

/** The source of a store that does not exist: it is empty, and reading does not make the store. */
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
 * Describes a document that no name of the store stands for, such as the index that an image was chosen from: by its
 * digest a source of the store finds the image. Undefined where it is missing; its media type is not known.
 * @throws FILESYSTEM
 */
export async function describeStored(root: string, digest: Digest): Promise<Descriptor | undefined> {
  const size = await directoryFiles(root).size(blobName(digest));
  return size === undefined ? undefined : { mediaType: '', digest, size };
}

/**
 * Opens the local store for reading. An open source holds a shared lock, so that no sweep removes the blobs that the
 * caller is about to read: close it soon. A store that does not exist is empty, and is not made.
 * @param root the store's directory
 * @param registry how a registry is asked for a blob that was dropped
 * @throws STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function openStoreSource(
  root: string,
  signal?: AbortSignal,
  registry?: BringBackOptions,
): Promise<Source> {
  if (!(await storeExists(root))) return emptySource(root);
  // openStore makes a lost index or marker again, and explains a damaged index.
  if ((await readStoreIndex(storeAt(root))) === undefined || !(await hasMarker(root))) await openStore(root, signal);
  const lock = await acquireLock(storeAt(root).blobsLock, 'shared', { signal });
  try {
    const source = await openLayoutSource(directoryFiles(root), { bareTags: false }, signal);
    const whole = bringingBack(source, storeAt(root), registry);
    return {
      ...whole,
      referrers: async (subject) =>
        (await readAttached(storeAt(root), subject))
          .filter(({ tag }) => tag === undefined)
          .map(({ descriptor }) => descriptor),
      attached: async (tag) => {
        const subject = tag.replace(/\.\w+$/, '').replace('-', ':');
        if (!isDigest(subject)) return undefined;
        return (await readAttached(storeAt(root), subject)).find((kept) => kept.tag === tag)?.descriptor;
      },
      async close() {
        await whole.close();
        await lock.close();
      },
    };
  } catch (error) {
    await lock.close();
    throw error;
  }
}
