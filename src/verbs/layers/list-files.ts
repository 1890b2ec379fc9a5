import { readLayersAhead } from '../../disk/read/layers-ahead.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { Image } from '../../image/image.ts';
import { applyLayer } from '../../rootfs/fold/apply.ts';
import { policyOf } from '../../rootfs/policy.ts';
import { newTolerated } from '../../rootfs/tolerated.ts';
import { entriesOf, Tree, type TreeEntry } from '../../rootfs/tree.ts';
import { layerInputs } from './layer-inputs.ts';

export interface FoldOptions extends Context {
  readonly limits?: ImageLimits | undefined;
}

/**
 * The root filesystem of an image as a tree in memory: names and attributes, no content. Every layer is read and checked
 * against its digest and its diff ID. Nothing is written, unless `pool` is a directory (its descriptor) that takes the contents of
 * files under their numbers.
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, LIMIT_EXCEEDED, and what a layer's stream fails with
 */
export async function foldImage(image: Image, context: FoldOptions = {}, pool?: number): Promise<Tree> {
  const tolerated = newTolerated(policyOf('warn'));
  const tree = new Tree(context.limits);
  const layers = layerInputs(image);
  const bodyPool = pool === undefined ? undefined : { directory: pool };
  await using ahead = readLayersAhead(layers, { ...context, poolOf: () => bodyPool, tolerated });
  for (const ordinal of layers.keys()) applyLayer(tree, (await ahead.layer(ordinal)).entries, ordinal, tolerated);
  return tree;
}

/**
 * What `unpack` would make of an image: parents before children, names in byte order, the root first (its path is '').
 * @throws what `foldImage` throws, before the first entry
 */
export async function* listFiles(image: Image, context: FoldOptions = {}): AsyncGenerator<TreeEntry, void, undefined> {
  yield* entriesOf(await foldImage(image, context));
}
