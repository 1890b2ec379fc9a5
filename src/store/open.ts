import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import { MEDIA_TYPE } from '../oci/media-type.ts';
import { indexDocument } from '../oci/write-document.ts';
import { STORE_NAME } from '../store-layout.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText, syncDirectory } from '../sys/file/replace-text.ts';
import type { LayoutDirectory } from './blobs.ts';
import { LAYOUT, LAYOUT_MARKER } from './layout-names.ts';
import { namesIn } from './list-folder.ts';
import { readLayoutFile } from './read-layout-file.ts';

/**
 * The local store: an OCI layout at `root` that other tools can read, with a few files of tsimg beside it.
 *
 * - `oci-layout`, `index.json`, `blobs/ALGORITHM/HEX`: image-layout.md
 * - `partial/ALGORITHM-HEX`: a blob that is being received, under a lock on the file itself. What a writer that was cut
 *   short has left stays for the next one. Other files there are small ones that are being written, and damaged blobs
 *   that were moved away; a sweep removes leftovers of crashes
 * - `dropped/ALGORITHM-HEX`: the reference that a dropped blob can be fetched from
 * - `attached/ALGORITHM-HEX`: the list of the signatures and attestations that are kept with a manifest or an index
 * - `trust/trusted_root.json`: the trusted root that `trust update` fetched; `trust/tuf`: the files of its TUF client
 * - `networks/NAME.json`: a network; `networks/lock`: the lock of all networks
 * - `volumes/NAME`: a volume that outlives containers
 * - `volumes.lock`: shared while a container makes volumes or takes them into use; exclusive while `volume create`
 *   makes one, and while some are removed
 * - `events.jsonl`: events, one a line; `events.1.jsonl`: the file before, which had become too large
 * - `blobs.lock`: shared while blobs are read or added, exclusive while blobs are removed
 * - `index.lock`: exclusive while index.json is replaced; taken after `blobs.lock`, never before
 * - `layers/KEY/CHAIN`: unpacked layers; `entries/KEY/CHAIN`: the entries of each, so that it need not be read again
 * - `containers/ID`: the files of a container. Its `lock` is held while the container lives; a container without a
 *   holder and without a file `kept` is a leftover. Its `l/N` are links to the layers that it uses.
 * - `containers.lock`: shared while a container is made, from the look for its layers to the lock of its folder;
 *   exclusive while leftovers and unused layers are moved to the trash
 * - `sweep.lock`: exclusive while the trash is removed; taken before `containers.lock`
 */
export interface Store extends LayoutDirectory {
  readonly blobsLock: string;
  readonly indexLock: string;
  readonly layers: string;
  readonly containers: string;
  readonly containersLock: string;
  readonly sweepLock: string;
}

/** Closed to other users: layers hold set-user-ID programs of images. */
const ROOT_MODE = 0o700;
/** Names that belong to a store. */
const OWN_NAMES: ReadonlySet<string> = new Set([...Object.values(LAYOUT), ...Object.values(STORE_NAME)]);

/** Returns the paths of the store at `root`; opens and makes nothing. */
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

/** Whether the marker exists, is undamaged, and has a version that tsimg knows. @throws STORE_INVALID */
export async function hasMarker(root: string): Promise<boolean> {
  const bytes = await readLayoutFile(join(root, LAYOUT.marker), 4096);
  if (bytes === undefined) return false;
  if (/"imageLayoutVersion"\s*:\s*"1\.\d+\.\d+"/.test(bytes.toString())) return true;
  // A marker without a version, such as an empty file after a power cut, is written again.
  if (!/"imageLayoutVersion"/.test(bytes.toString())) return false;
  throw notAStore(root, 'its file oci-layout has a version that tsimg does not know');
}

async function entriesOf(root: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(root);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (errno === 'ENOTDIR') throw notAStore(root, 'it is not a directory');
    const failure = filesystemError('cannot open the image store', root, error);
    if (errno !== 'EACCES' || !(failure instanceof TsimgError)) throw failure;
    const hint = 'name a folder of your own with --root or $TSIMG_ROOT';
    throw new TsimgError(failure.code, failure.what, { ...failure, hint, cause: error });
  }
}

async function hasIndex(root: string): Promise<boolean> {
  return (await readLayoutFile(join(root, LAYOUT.index))) !== undefined;
}

/** Whether there is a store at `root`. @throws STORE_INVALID when other files are there; FILESYSTEM */
export async function storeExists(root: string): Promise<boolean> {
  const entries = await entriesOf(root);
  if (entries === undefined || entries.length === 0) return false;
  if (await hasMarker(root)) return true;
  if (entries.includes(LAYOUT.index) && entries.includes(STORE_NAME.indexLock)) return true;
  // A store that is being made, or whose making was interrupted, has files of tsimg only.
  const foreign = entries.find((name) => !OWN_NAMES.has(name));
  if (foreign === undefined) return false;
  throw notAStore(root, `it holds ${foreign} and no oci-layout`, 'name an empty directory with --root or $TSIMG_ROOT');
}

/** A new list would make all blobs garbage. @throws STORE_INVALID where blobs are there */
async function refuseLostIndex(root: string): Promise<void> {
  if ((await namesIn(join(root, LAYOUT.blobs, 'sha256'))).length === 0) return;
  throw new TsimgError('STORE_INVALID', 'the list of images is gone', {
    where: join(root, LAYOUT.index),
    why: 'there are blobs, and nothing else holds the names of images',
    hint: 'put back a copy, or let tsimg store check --repair make it again',
  });
}

/**
 * Opens the store at `root`; makes it or its marker where they are missing. Several processes may
 * make it at once.
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
    await refuseLostIndex(root);
    await replaceText(join(root, LAYOUT.index), store.partial, empty);
  }
  await replaceText(join(root, LAYOUT.marker), store.partial, LAYOUT_MARKER);
  await syncDirectory(dirname(root));
  return store;
}
