import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../crypto/digest.ts';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { LoadedImage } from '../../image/load.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import type { Source } from '../../image/source.ts';
import { chainIds } from '../../oci/chain-id.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { parseReference } from '../../oci/reference.ts';
import { openRegistryClient } from '../../registry/client.ts';
import { openConnections } from '../../registry/connections.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { openStoreSource } from '../../sources/store.ts';
import { recordDropped } from '../../store/dropped.ts';
import { blobPath } from '../../store/layout-names.ts';
import { namesIn } from '../../store/list-folder.ts';
import { listStored } from '../../store/names.ts';
import { openStore, type Store } from '../../store/open.ts';
import { sizeOf } from '../../store/size-of.ts';
import { LAYERS_KEY } from '../../store-layout.ts';
import { tryLock } from '../../sys/file/lock.ts';

/** The result of a drop. */
export interface DroppedBlobs {
  readonly blobs: number;
  /** Bytes that were freed. */
  readonly bytes: number;
  /** Whether another process used the store: then nothing was dropped. */
  readonly inUse: boolean;
}

/** A layer that is unpacked, and the names of the images that need it. */
interface Candidate {
  readonly blob: Descriptor;
  readonly names: readonly string[];
}

/** How registries are asked. Several may be asked, so that no credentials of a single one are among the options. */
export type DropOptions = Omit<RegistryOptions, 'credentials'>;

/** Whether all layers of an image are unpacked, for one map of IDs. */
async function isUnpacked({ config }: LoadedImage, store: Store): Promise<boolean> {
  const chains = chainIds(config.diffIds, digestOf).map(hexOf);
  for (const key of (await namesIn(store.layers)).filter((name) => LAYERS_KEY.test(name))) {
    const there = new Set(await namesIn(join(store.layers, key)));
    if (chains.every((chain) => there.has(chain))) return true;
  }
  return false;
}

/** The layers that every image with them has unpacked. An index of several platforms keeps its blobs. */
async function candidatesOf(source: Source, store: Store, { signal }: Context): Promise<readonly Candidate[]> {
  const candidates = new Map<Digest, Candidate>();
  const needed = new Set<Digest>();
  for (const { name, descriptor } of await listStored(store)) {
    let images: readonly LoadedImage[];
    try {
      images = await loadMembersOf(source, descriptor, { signal });
    } catch (error) {
      // An image that cannot be read has no unpacked layers; a blob that it shares with others comes back when needed.
      if (error instanceof TsimgError) continue;
      throw error;
    }
    const isIndex = documentKindOf(descriptor.mediaType) === 'index';
    for (const image of images) {
      const isWanted = name === undefined || isIndex || !(await isUnpacked(image, store));
      for (const { descriptor: blob } of image.layers) {
        if (isWanted) needed.add(blob.digest);
        else candidates.set(blob.digest, { blob, names: [...(candidates.get(blob.digest)?.names ?? []), name] });
      }
    }
  }
  return [...candidates.values()].filter(({ blob }) => !needed.has(blob.digest));
}

/** A layer that can be dropped, and the name of an image whose registry has it. */
interface Fetchable {
  readonly blob: Descriptor;
  readonly name: string;
}

/**
 * Returns the layers that a registry of their images offers. Where a registry cannot be asked, and no other one has the
 * layer, a warning says that it is kept.
 */
async function fetchable(
  candidates: readonly Candidate[],
  store: Store,
  options: DropOptions,
): Promise<readonly Fetchable[]> {
  const { signal, onEvent } = options;
  const found: Fetchable[] = [];
  /** Why a registry could not be asked, by the name of the image. */
  const failures = new Map<string, string>();
  const kept = new Set<string>();
  using own = openConnections();
  const connections = options.connections ?? own;
  const offers = async (name: string, blob: Descriptor): Promise<boolean> => {
    if (failures.has(name)) return false;
    const client = openRegistryClient(parseReference(name), { ...options, connections });
    try {
      return await client.offersBlob(blob, signal);
    } catch (error) {
      signal?.throwIfAborted();
      failures.set(name, messageOf(error));
      return false;
    } finally {
      client.close();
    }
  };
  for (const { blob, names } of candidates) {
    if ((await sizeOf(blobPath(store.root, blob.digest))) === undefined) continue;
    let from: string | undefined;
    for (const name of names) {
      from = (await offers(name, blob)) ? name : undefined;
      if (from !== undefined) break;
    }
    if (from !== undefined) found.push({ blob, name: from });
    else for (const name of names) if (failures.has(name)) kept.add(name);
  }
  for (const name of kept) {
    onEvent?.({ kind: 'warning', message: `the blobs of ${name} are kept: ${failures.get(name)}` });
  }
  return found;
}

/**
 * Drops the blobs of layers that are unpacked: the unpacked files are enough to run an image. A blob goes only where a
 * registry that the names of its images tell has it, and comes back when it is read: by save, push, copy, unpack.
 * @throws STORE_INVALID, FILESYSTEM
 * @example
 * const { bytes } = await dropBlobs('/var/lib/tsimg');
 */
export async function dropBlobs(storeRoot: string, options: DropOptions = {}): Promise<DroppedBlobs> {
  const { signal } = options;
  const store = await openStore(storeRoot, signal);
  const source = await openStoreSource(storeRoot, signal);
  let layers: readonly Fetchable[];
  try {
    layers = await fetchable(await candidatesOf(source, store, options), store, options);
  } finally {
    await source.close();
  }
  await using lock = await tryLock(store.blobsLock, 'exclusive');
  await using index = await tryLock(store.indexLock, 'exclusive');
  if (lock === undefined || index === undefined) return { blobs: 0, bytes: 0, inUse: true };
  let [blobs, bytes] = [0, 0];
  for (const { blob, name } of layers) {
    const path = blobPath(store.root, blob.digest);
    const size = await sizeOf(path);
    // Another process has dropped or removed it meanwhile.
    if (size === undefined) continue;
    await recordDropped(store, blob.digest, name);
    await rm(path, { force: true });
    blobs += 1;
    bytes += size;
  }
  return { blobs, bytes, inUse: false };
}
