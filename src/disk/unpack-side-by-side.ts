import { inspectDestination } from './publish/destination.ts';
import { withStaging } from './publish/with-staging.ts';
import type { LayerInput } from './read/read-layer.ts';
import { type UnpackLayersOptions, unpackLayers } from './unpack-layers.ts';
import type { UnpackReport } from './unpack-options.ts';

/**
 * Makes the overlay form of all layers in one directory: `0` for the base, `1` for the next one up. It is the caller's alone
 * (0700), for it holds the image's setuid files, and is published when all of them are complete.
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
