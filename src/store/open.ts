import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import { MEDIA_TYPE } from '../oci/media-type.ts';
import { indexDocument } from '../oci/write-document.ts';
import { STORE_NAME } from '../store-layout.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText } from '../sys/file/replace-file.ts';
import type { LayoutDirectory } from './blobs.ts';
import { readLayoutFile } from './index-file.ts';
import { LAYOUT, LAYOUT_MARKER } from './layout-files.ts';

/**
 * The local store: an OCI layout at `root`, readable as such by other tools, with a few files of tsimg's beside it.
 *
 * - `oci-layout`, `index.json`, `blobs/ALGORITHM/HEX`: image-layout.md
 * - `partial/`: what is being written; what a crash left there is swept
 * - `blobs.lock`: shared by whoever reads or adds blobs, exclusive for whoever removes some
 * - `index.lock`: exclusive while index.json is replaced; taken after `blobs.lock`, never before
 * - `layers/KEY/CHAIN`, `containers/ID`: unpacked layers, and what containers have of their own; a container's `lock` is held
 *   while it lives, one without a holder and without a file `kept` is a leftover; its `l/N` are the layers that it uses
 * - `containers.lock`: shared while a container is made, from the look for its layers to the lock of its folder; exclusive
 *   while what nobody needs of both is set aside
 * - `sweep.lock`: exclusive for who removes what was set aside; taken before `containers.lock`
 */
export interface Store extends LayoutDirectory {
  readonly blobsLock: string;
  readonly indexLock: string;
  readonly layers: string;
  readonly containers: string;
  readonly containersLock: string;
  readonly sweepLock: string;
}

/** Others have no business in it: layers hold whatever the images' makers put there, set-user-ID programs too. */
const ROOT_MODE = 0o700;
/** Folders that belong to a store and are kept by others. */
const OWN_NAMES: ReadonlySet<string> = new Set([...Object.values(LAYOUT), ...Object.values(STORE_NAME)]);

/** The store at `root` as names only: nothing is opened or made. */
export function storeAt(root: string): Store {
  return {
    root,
    partial: join(root, STORE_NAME.partial),
    blobsLock: join(root, STORE_NAME.blobsLock),
    indexLock: join(root, STORE_NAME.indexLock),
    layers: join(root, STORE_NAME.layers),
    containers: join(root, STORE_NAME.containers),
    containersLock: join(root, STORE_NAME.containersLock),
    sweepLock: join(root, STORE_NAME.sweepLock),
  };
}

function notAStore(root: string, why: string, hint?: string): TsimgError {
  return new TsimgError('STORE_INVALID', 'not an image store', { where: root, why, hint });
}

/** Whether the marker is there, undamaged, and says what we understand. @throws STORE_INVALID */
export async function hasMarker(root: string): Promise<boolean> {
  const bytes = await readLayoutFile(join(root, LAYOUT.marker), 4096);
  if (bytes === undefined) return false;
  if (/"imageLayoutVersion"\s*:\s*"1\.\d+\.\d+"/.test(bytes.toString())) return true;
  // What says nothing of a version, such as the empty file after a power cut, is written anew.
  if (!/"imageLayoutVersion"/.test(bytes.toString())) return false;
  throw notAStore(root, 'its file oci-layout is of a version that tsimg does not know');
}

async function entriesOf(root: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(root);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (errno === 'ENOTDIR') throw notAStore(root, 'it is not a directory');
    throw filesystemError('cannot open the image store', root, error);
  }
}

async function hasIndex(root: string): Promise<boolean> {
  return (await readLayoutFile(join(root, LAYOUT.index))) !== undefined;
}

/** Whether there is a store at `root`. @throws STORE_INVALID when there is something else; FILESYSTEM */
export async function storeExists(root: string): Promise<boolean> {
  const entries = await entriesOf(root);
  if (entries === undefined || entries.length === 0) return false;
  if (await hasMarker(root)) return true;
  if (entries.includes(LAYOUT.index) && entries.includes(STORE_NAME.indexLock)) return true;
  // A store that is just being made, or whose making was cut short, has nothing but our own files.
  const foreign = entries.find((name) => !OWN_NAMES.has(name));
  if (foreign === undefined) return false;
  throw notAStore(root, `it holds ${foreign} and no oci-layout`, 'name an empty directory with --root or $TSIMG_ROOT');
}

/**
 * Opens the store at `root`, which is made when it is not there; so is a list of images, or a marker, that was lost.
 * Two that make it at once both succeed.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function openStore(root: string, signal?: AbortSignal): Promise<Store> {
  const store = storeAt(root);
  const isWhole = (await storeExists(root)) && (await hasMarker(root)) && (await hasIndex(root));
  await makeDirectory(root, ROOT_MODE);
  await makeDirectory(store.partial);
  if (isWhole) return store;
  await makeDirectory(join(root, LAYOUT.blobs, 'sha256'));
  await using _lock = await acquireLock(store.indexLock, 'exclusive', { signal });
  const empty = indexDocument(MEDIA_TYPE.ociIndex, []);
  if (!(await hasIndex(root))) {
    await replaceText(join(root, LAYOUT.index), store.partial, empty);
  }
  await replaceText(join(root, LAYOUT.marker), store.partial, LAYOUT_MARKER);
  return store;
}
