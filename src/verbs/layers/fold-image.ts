import { readLayersAhead } from '../../disk/read/layers-ahead.ts';
import type { ImageLimits } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import type { Image } from '../../image/image.ts';
import { applyLayer } from '../../rootfs/fold/apply.ts';
import { policyOf } from '../../rootfs/policy.ts';
import { newTolerated } from '../../rootfs/tolerated.ts';
import { Tree } from '../../rootfs/tree.ts';
import { layerInputs } from './layer-inputs.ts';

/** Options of verbs that read layers. */
export interface FoldOptions extends Context {
  readonly limits?: ImageLimits | undefined;
}

/**
 * Folds the layers of an image into a tree in memory: names and attributes, no content. Each layer is read whole and
 * checked against its digest and its diff ID. Nothing is written, unless `pool` is given.
 * @param pool the open descriptor of a directory in which the content of files is stored, under their numbers
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, COMPRESSION_INVALID, LIMIT_EXCEEDED, and the errors of a
 * layer's stream
 */
export async function foldImage(image: Image, context: FoldOptions = {}, pool?: number): Promise<Tree> {
  const tolerated = newTolerated(policyOf('warn'));
  const tree = new Tree(context.limits);
  const layers = layerInputs(image);
  const bodyPool = pool === undefined ? undefined : { directory: pool };
  await using ahead = readLayersAhead(layers, { ...context, poolOf: () => bodyPool, tolerated });
  for (const ordinal of layers.keys())
    applyLayer(tree, { entries: (await ahead.layer(ordinal)).entries, ordinal }, tolerated);
  return tree;
}
