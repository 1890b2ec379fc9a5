import { closeSync, constants, openSync } from 'node:fs';
import { applyLayer } from '../rootfs/fold/apply.ts';
import type { Form } from '../rootfs/fold/real-attributes.ts';
import { planLayer } from '../rootfs/plan/plan-layer.ts';
import { newTolerated, type Tolerated } from '../rootfs/tolerated.ts';
import { Tree } from '../rootfs/tree.ts';
import { attempt } from './directory/check.ts';
import { inspectDestination } from './publish/destination.ts';
import { withStaging } from './publish/staging.ts';
import { keepEntries, readKeptEntries } from './read/kept-entries.ts';
import { type LayersAhead, readLayersAhead } from './read/layers-ahead.ts';
import type { LayerInput } from './read/read-layer.ts';
import { type UnpackOptions, type UnpackReport, unpackPolicy } from './unpack-options.ts';
import { type BodyPool, bodyPool } from './write/body-pool.ts';
import { performChanges } from './write/perform-changes.ts';

/** The directory for the overlay form of a layer. */
export interface LayerDirectory {
  /** Named for the layer and all layers below it (a chain ID), because these decide what its entries mean. */
  readonly path: string;
  /** Whether the directory exists already; otherwise the name is free and its parent exists. */
  readonly present: boolean;
  /** The file for the layer's entries, which layers above it need later; they are not kept when absent. */
  readonly entries?: string | undefined;
  /** Whether this file exists: the layer itself is not read then. */
  readonly kept?: boolean | undefined;
}

export interface UnpackLayersOptions extends UnpackOptions {
  readonly form: Required<Form>;
}

/**
 * Makes the overlay form of each layer that does not exist yet: a directory that overlayfs can mount over those of the
 * layers below. One fold serves all layers. Existing layers are read for their headers only, or not at all where the
 * headers were kept. Each directory is published as soon as it is complete and those below it are.
 * @param directories one for each layer, base first, all in one parent
 * @throws the errors of `buildRootfs`
 */
export async function unpackLayers(
  layers: readonly LayerInput[],
  directories: readonly LayerDirectory[],
  options: UnpackLayersOptions,
): Promise<UnpackReport> {
  const wanted = directories.findLastIndex(({ present }) => !present) + 1;
  const report = (names: number, tolerated: Tolerated): UnpackReport => {
    return { destination: directories.at(-1)?.path ?? '', layers: layers.length, names, tolerated: tolerated.counts };
  };
  const tolerated = newTolerated(unpackPolicy(options));
  const missing = directories.find(({ present }) => !present);
  if (missing === undefined) return report(0, tolerated);
  // The bodies of all layers are beside the first missing directory, and are removed at the end
  return withStaging(inspectDestination(missing.path), options, async ({ pool }) => {
    const bodies = bodyPool(pool, options.form);
    const poolOf = (ordinal: number) => (directories[ordinal]?.present ? undefined : bodies);
    const isKept = (ordinal: number) => directories[ordinal]?.kept === true;
    await using ahead = readLayersAhead(layers.slice(0, wanted), { ...options, poolOf, isKept, tolerated });
    const names = await placeLayers(directories.slice(0, wanted), { ahead, pool: bodies, tolerated, options });
    return report(names, tolerated);
  });
}

/**
 * Makes the overlay form of all layers in one directory: `0` for the base, `1` for the next one up. The directory is
 * published when all layers are complete. Only the caller may enter it (0700), because it holds the image's setuid
 * files.
 * @throws the errors of `buildRootfs`
 */
export async function unpackSideBySide(
  layers: readonly LayerInput[],
  destination: string,
  options: UnpackLayersOptions,
): Promise<UnpackReport> {
  const place = inspectDestination(destination, options.force);
  return withStaging(place, options, async ({ root, publish }) => {
    const directories = layers.map((_, ordinal) => ({ path: `/proc/self/fd/${root}/${ordinal}`, present: false }));
    const report = await unpackLayers(layers, directories, options);
    publish(() => {});
    return { ...report, destination };
  });
}

interface Placing {
  readonly ahead: LayersAhead;
  readonly pool: BodyPool;
  readonly tolerated: Tolerated;
  readonly options: UnpackLayersOptions;
}

/** Folds layers as they are read, and publishes the missing ones; returns how many names they made. */
async function placeLayers(
  directories: readonly LayerDirectory[],
  { ahead, pool, tolerated, options }: Placing,
): Promise<number> {
  const { form, limits, signal } = options;
  const tree = new Tree(limits);
  const lowers = openLowers(directories);
  let names = 0;
  try {
    for (const [ordinal, { path, present, entries: place, kept }] of directories.entries()) {
      const entries = kept && place !== undefined ? readKeptEntries(place) : (await ahead.layer(ordinal)).entries;
      const outcome = applyLayer(tree, { entries, ordinal }, tolerated);
      if (place !== undefined && !kept) keepEntries(place, entries);
      if (present) continue;
      await withStaging(inspectDestination(path), options, async ({ root, publish }) => {
        const writer = { root, pool, lowerLayer: lowers.descriptorOf, form, tolerated };
        names += await performChanges(planLayer(tree, outcome), writer, signal);
        publish(() => {});
      });
    }
  } finally {
    lowers.close();
  }
  return names;
}

/** Opens each layer directory when a file is first copied from it. */
function openLowers(directories: readonly LayerDirectory[]) {
  const open = new Map<number, number>();
  return {
    descriptorOf(layer: number): number {
      const known = open.get(layer);
      if (known !== undefined) return known;
      const path = directories[layer]?.path ?? '';
      const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
      const descriptor = attempt('open the layer', path, () => openSync(path, flags));
      open.set(layer, descriptor);
      return descriptor;
    },
    close(): void {
      for (const descriptor of open.values()) closeSync(descriptor);
    },
  };
}
