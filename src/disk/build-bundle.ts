import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { O_PATH } from '../sys/file/open-how.ts';
import { buildRootfs } from './build-rootfs.ts';
import { attempt } from './directory/check.ts';
import { inspectDestination } from './publish/destination.ts';
import { withStaging } from './publish/staging.ts';
import type { LayerInput } from './read/read-layer.ts';
import type { UnpackOptions, UnpackReport } from './unpack-options.ts';

/** A bundle that is made. */
export interface NewBundle {
  readonly destination: string;
  /** Returns the text of config.json, once the root filesystem is made; gets the descriptor of its directory. */
  readonly configOf: (rootfs: number) => string;
}

/**
 * Makes a bundle for an OCI runtime: the root filesystem in `rootfs`, and `config.json`. The bundle is published when
 * both are complete. Only the caller may enter its directory (0700), because it holds the image's setuid files.
 * @throws the errors of `buildRootfs` and `configOf`
 */
export async function buildBundle(
  layers: readonly LayerInput[],
  { destination, configOf }: NewBundle,
  options: UnpackOptions,
): Promise<UnpackReport> {
  const place = inspectDestination(destination, options.force);
  return withStaging(place, options, async ({ root, publish }) => {
    const inside = `/proc/self/fd/${root}`;
    const report = await buildRootfs(layers, `${inside}/rootfs`, options);
    attempt('write config.json', destination, () => {
      const rootfs = openSync(`${inside}/rootfs`, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      try {
        writeFileSync(`${inside}/config.json`, configOf(rootfs), { mode: 0o644, flag: 'wx' });
      } finally {
        closeSync(rootfs);
      }
    });
    publish(() => {});
    return { ...report, destination };
  });
}
