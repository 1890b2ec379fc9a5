import { stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { digestOf } from '../../crypto/digest.ts';
import { buildRootfs } from '../../disk/build-rootfs.ts';
import { hasKeptEntries } from '../../disk/read/kept-entries.ts';
import type { LayerInput } from '../../disk/read/read-layer.ts';
import { type LayerDirectory, unpackLayers } from '../../disk/unpack-layers.ts';
import { errnoOf } from '../../errors.ts';
import { makeOverlayRoot } from '../../host/start/make-overlay-root.ts';
import type { Image } from '../../image/image.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { IdMap, RootSpec } from '../../launch/launch-plan.ts';
import { chainIds } from '../../oci/chain-id.ts';
import { hexOf } from '../../oci/digest.ts';
import { openStore } from '../../store/open.ts';
import { CONTAINER_NAME, LAYERS_LOCK, ROOT_LAYERS, STORE_NAME, USER_LAYERS_PREFIX } from '../../store-layout.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { unpackInNamespace } from '../helper/unpack-in-namespace.ts';
import type { FoldOptions } from './fold-image.ts';
import { layerInputs } from './layer-inputs.ts';
import { sweepLeftovers } from './sweep-unpacked.ts';

/** The root of a container of an image: the container's own changes over unpacked layers that all containers share. */
export interface ImageRoot {
  readonly root: RootSpec;
  /** Copies the image's files for this container, on hosts that cannot mount an overlay. */
  plainRoot(): Promise<RootSpec>;
}

/** The container that a root is made for. */
export interface NewContainer {
  /** The store's folder, where the layers are unpacked. */
  readonly storeRoot: string;
  /** The container's own directory. */
  readonly directory: string;
  readonly facts: HostFacts;
  /** The map by which its files are stored. */
  readonly idMap: IdMap | undefined;
}

const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;

/**
 * Returns the name of the folder for layers. It depends on the map, because the files of layers have the IDs of one
 * map.
 */
function mapKey(idMap: IdMap | undefined): string {
  return idMap === undefined
    ? ROOT_LAYERS
    : `${USER_LAYERS_PREFIX}${hexOf(digestOf(JSON.stringify(idMap))).slice(0, 16)}`;
}

/** Returns the folder of each layer, base first. A folder may not exist yet. */
function layerPaths(image: Image, storeRoot: string, idMap: IdMap | undefined): readonly string[] {
  const folder = join(storeRoot, STORE_NAME.layers, mapKey(idMap));
  return chainIds(image.config.diffIds, digestOf).map((id) => join(folder, hexOf(id)));
}

/**
 * Returns the root that a container of the image would get, for a plan that is only shown. Nothing is unpacked or made.
 */
export function plannedImageRoot(image: Image, storeRoot: string, idMap: IdMap | undefined): RootSpec {
  const lower = layerPaths(image, storeRoot, idMap).toReversed();
  return { kind: 'overlay', directory: join(storeRoot, STORE_NAME.containers, 'NEW'), lower };
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Unpacks missing layers with the IDs of the container's map. Processes that unpack for the same map wait for each
 * other.
 */
async function unpackMissing(
  image: Image,
  { storeRoot, facts, idMap }: NewContainer,
  context: FoldOptions,
): Promise<readonly LayerDirectory[]> {
  const folder = join(storeRoot, STORE_NAME.layers, mapKey(idMap));
  const paths = layerPaths(image, storeRoot, idMap);
  const look = (): Promise<readonly LayerDirectory[]> =>
    Promise.all(paths.map(async (path) => ({ path, present: await isThere(path) })));
  const complete = (directories: readonly LayerDirectory[]) => directories.every(({ present }) => present);
  const before = await look();
  if (complete(before)) return before;
  makeDirectories(folder, 0o700);
  await using _lock = await acquireLock(join(folder, LAYERS_LOCK), 'exclusive', context);
  const directories = await look();
  const wanted = directories.findLastIndex(({ present }) => !present) + 1;
  if (wanted === 0) return directories;
  const layers = layerInputs(image).slice(0, wanted);
  const keptIn = join(storeRoot, STORE_NAME.entries, mapKey(idMap));
  makeDirectories(keptIn, 0o700);
  const some = directories.slice(0, wanted).map((directory): LayerDirectory => {
    const entries = join(keptIn, basename(directory.path));
    return { ...directory, entries, kept: directory.present && hasKeptEntries(entries) };
  });
  if (idMap === undefined) {
    await unpackLayers(layers, some, { ...context, form: { ownership: 'set', overlay: 'trusted' } });
  } else {
    const ownership = idMap.by === 'newuidmap' ? 'set' : 'record';
    const into = { kind: 'layers', directories: some, form: { ownership, overlay: 'user' } } as const;
    await unpackInNamespace(
      { layers, into, settings: { limits: context.limits } },
      { idMap, tools: facts.tools },
      context,
    );
  }
  return directories;
}

async function unpackPlain(
  layers: readonly LayerInput[],
  { directory, facts, idMap }: NewContainer,
  context: FoldOptions,
): Promise<RootSpec> {
  const destination = join(directory, CONTAINER_NAME.plain);
  if (idMap === undefined) await buildRootfs(layers, destination, context);
  else {
    const { limits } = context;
    const settings = { ownership: idMap.by === 'newuidmap' ? 'set' : 'record', limits } as const;
    await unpackInNamespace(
      { layers, into: { kind: 'flat', destination }, settings },
      { idMap, tools: facts.tools },
      context,
    );
  }
  return { kind: 'directory', path: destination };
}

/**
 * Whether a path lies on an overlay, where neither whiteouts nor an upper layer can be made. This is common in
 * containers.
 */
async function liesOnOverlay(path: string): Promise<boolean> {
  return (await statfs(path)).type === OVERLAYFS_SUPER_MAGIC;
}

/**
 * Makes the root of a new container of an image, in the container's directory. Layers are unpacked once, below
 * `storeRoot`, and stay. Where the store lies on an overlay, the container gets a copy of the image, with a warning.
 * Some leftovers of killed runs are removed first.
 * @throws what unpacking throws, STORE_INVALID, HOST_UNSUPPORTED
 */
export async function openImageRoot(image: Image, container: NewContainer, context: FoldOptions): Promise<ImageRoot> {
  const { storeRoot, directory, facts, idMap } = container;
  const store = await openStore(storeRoot, context.signal);
  await sweepLeftovers(store, facts, context);
  const copied = await liesOnOverlay(storeRoot);
  const makeRoot = async () => {
    // This lock keeps sweepers away from the first look at the layers until the container's directory says which layers
    // it uses.
    await using _lock = await acquireLock(store.containersLock, 'shared', context);
    const layers = copied ? [] : await unpackMissing(image, container, context);
    const lower = layers.map(({ path }) => path).reverse();
    return await makeOverlayRoot(directory, lower, { idMap, tools: facts.tools });
  };
  const root = await makeRoot();
  const plainRoot = () => unpackPlain(layerInputs(image), container, context);
  if (!copied) return { root, plainRoot };
  const message = `the store lies on an overlay (${storeRoot}): the image is copied for each container`;
  context.onEvent?.({ kind: 'warning', message });
  return { root: await plainRoot(), plainRoot };
}
