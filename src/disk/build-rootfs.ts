import { applyLayer } from '../rootfs/fold/apply.ts';
import type { Form } from '../rootfs/fold/real-attributes.ts';
import { planFlat } from '../rootfs/plan/plan-flat.ts';
import { policyOf } from '../rootfs/policy.ts';
import { newTolerated } from '../rootfs/tolerated.ts';
import { Tree } from '../rootfs/tree.ts';
import { inspectDestination } from './publish/destination.ts';
import { withStaging } from './publish/staging.ts';
import { readLayersAhead } from './read/layers-ahead.ts';
import type { LayerInput } from './read/read-layer.ts';
import { defaultOwnership, type UnpackOptions, type UnpackReport, unpackPolicy } from './unpack-options.ts';
import { bodyPool } from './write/body-pool.ts';
import { performChanges } from './write/perform-changes.ts';
import { setAttributes } from './write/set-attributes.ts';

/**
 * Makes a root filesystem of layers, base first: reads each layer once, folds it into a tree in memory, makes the tree
 * in a staging directory, and publishes the directory as the destination. After an error the destination is as it was
 * before.
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM,
 *   LIMIT_EXCEEDED, POLICY_VIOLATED, and the errors of a layer's stream
 */
export async function buildRootfs(
  layers: readonly LayerInput[],
  destination: string,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  const place = inspectDestination(destination, options.force);
  const form: Form = { ownership: options.ownership ?? defaultOwnership() };
  const tolerated = newTolerated(unpackPolicy(options));
  return withStaging(place, options, async ({ root, pool: directory, publish }) => {
    const pool = bodyPool(directory, form);
    const tree = new Tree(options.limits);
    {
      await using ahead = readLayersAhead(layers, { ...options, poolOf: () => pool, tolerated });
      for (const ordinal of layers.keys())
        applyLayer(tree, { entries: (await ahead.layer(ordinal)).entries, ordinal }, tolerated);
    }
    const names = await performChanges(planFlat(tree), { root, pool, form, tolerated }, options.signal);
    publish((at) => {
      // Its deviations were counted when the tree was made
      const silent = newTolerated(policyOf('ignore'));
      setAttributes(at, { kind: 'directory', attributes: tree.root.attributes }, { path: '', form, tolerated: silent });
    });
    return { destination, layers: layers.length, names, tolerated: tolerated.counts };
  });
}
