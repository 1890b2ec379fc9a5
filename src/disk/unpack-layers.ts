import { closeSync, constants, openSync } from 'node:fs';
import { applyLayer } from '../rootfs/apply.ts';
import { planLayer } from '../rootfs/plan-layer.ts';
import type { Form } from '../rootfs/real-attributes.ts';
import { newTally } from '../rootfs/tally.ts';
import { Tree } from '../rootfs/tree.ts';
import { newSpending } from '../streams/byte-budget.ts';
import type { BodyPool } from './body-pool.ts';
import { inspectDestination } from './destination.ts';
import { performChanges } from './perform-changes.ts';
import { type LayerInput, readLayer } from './read-layer.ts';
import { attempt } from './refusal.ts';
import { type UnpackOptions, type UnpackReport, unpackPolicy } from './unpack-options.ts';
import { withStaging } from './with-staging.ts';

/** Where the overlay form of a layer lies, or is to lie. */
export interface LayerDirectory {
  /** A name for the layer and all below it (a chain ID): what its entries mean depends on those. */
  readonly path: string;
  /** Whether it is there already; else the name is free and its parent exists. */
  readonly present: boolean;
}

export interface UnpackLayersOptions extends UnpackOptions {
  readonly form: Required<Form>;
}

/**
 * Makes the overlay form of each layer that is not there yet: a directory that overlayfs can mount over those of the
 * layers below. One fold serves all; layers that are there are read for their headers only. Each directory is
 * published as soon as it is complete.
 * @param directories one for each layer, base first
 * @throws what `buildRootfs` throws
 */
export async function unpackLayers(
  layers: readonly LayerInput[],
  directories: readonly LayerDirectory[],
  options: UnpackLayersOptions,
): Promise<UnpackReport> {
  const { form, signal } = options;
  const tally = newTally(unpackPolicy(options));
  const tree = new Tree(options.limits);
  const spending = newSpending();
  const lowers = openLowers(directories);
  const wanted = directories.findLastIndex(({ present }) => !present) + 1;
  let names = 0;
  try {
    for (const [ordinal, layer] of layers.slice(0, wanted).entries()) {
      const directory = directories[ordinal];
      if (directory === undefined) throw new RangeError(`layer ${ordinal} has no directory`);
      const read = (pool: BodyPool | undefined) =>
        readLayer(layer, ordinal, layers.length, { ...options, pool, firstBody: 0, tally, spending });
      if (directory.present) {
        applyLayer(tree, (await read(undefined)).entries, ordinal, tally);
        continue;
      }
      await withStaging(inspectDestination(directory.path), options, async ({ root, pool, publish }) => {
        const outcome = applyLayer(tree, (await read({ directory: pool, form })).entries, ordinal, tally);
        const writer = { root, pool, lowerLayer: lowers.descriptorOf, form, tally };
        names += await performChanges(planLayer(tree, outcome), writer, signal);
        publish(() => {});
      });
    }
  } finally {
    lowers.close();
  }
  return { destination: directories.at(-1)?.path ?? '', layers: layers.length, names, tolerated: tally.counts };
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
