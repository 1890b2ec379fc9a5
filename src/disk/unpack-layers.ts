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

/** Where the overlay form of a layer lies, or is to lie. */
export interface LayerDirectory {
  /** A name for the layer and all below it (a chain ID): what its entries mean depends on those. */
  readonly path: string;
  /** Whether it is there already; else the name is free and its parent exists. */
  readonly present: boolean;
  /** Where its entries are kept, and are to be, for layers that lie on it later; nowhere when absent. */
  readonly entries?: string | undefined;
  /** Whether they are kept there: then the layer itself is not read. */
  readonly kept?: boolean | undefined;
}

export interface UnpackLayersOptions extends UnpackOptions {
  readonly form: Required<Form>;
}

/**
 * Makes the overlay form of each layer that is not there yet: a directory that overlayfs can mount over those of the
 * layers below. One fold serves all; layers that are there are read for their
 * headers only, and not at all where those were kept. Each directory is
 * published as soon as it is complete and those below are.
 * @param directories one for each layer, base first, beside each other
 * @throws what `buildRootfs` throws
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
  // All bodies lie beside the first of them, in a directory that goes when all is done
  return withStaging(inspectDestination(missing.path), options, async ({ pool }) => {
    const bodies = bodyPool(pool, options.form);
    const poolOf = (ordinal: number) => (directories[ordinal]?.present ? undefined : bodies);
    const isKept = (ordinal: number) => directories[ordinal]?.kept === true;
    await using ahead = readLayersAhead(layers.slice(0, wanted), { ...options, poolOf, isKept, tolerated });
    const names = await placeLayers(ahead, directories.slice(0, wanted), bodies, options, tolerated);
    return report(names, tolerated);
  });
}

/**
 * Makes the overlay form of all layers in one directory: `0` for the base, `1` for the next one up. The directory is published when
 * all layers are complete. Only the caller may enter it (0700), because it holds the image's setuid files.
 * @throws what `buildRootfs` throws
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

/** Folds layers as they are read, and publishes those that are not there yet; how many names they made. */
async function placeLayers(
  ahead: LayersAhead,
  directories: readonly LayerDirectory[],
  pool: BodyPool,
  options: UnpackLayersOptions,
  tolerated: Tolerated,
): Promise<number> {
  const { form, limits, signal } = options;
  const tree = new Tree(limits);
  const lowers = openLowers(directories);
  let names = 0;
  try {
    for (const [ordinal, { path, present, entries: place, kept }] of directories.entries()) {
      const entries = kept && place !== undefined ? readKeptEntries(place) : (await ahead.layer(ordinal)).entries;
      const outcome = applyLayer(tree, entries, ordinal, tolerated);
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

/** Descriptors of layer directories, opened when a file is first copied from one. */
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
