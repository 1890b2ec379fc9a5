import type { OnEvent } from '../events.ts';
import { probeHost } from '../host/probe.ts';
import { readRootFile } from '../host/stage-files.ts';
import { planBundle } from '../launch/oci-bundle.ts';
import type { IdMap } from '../launch/plan.ts';
import type { ImageConfig } from '../oci/config.ts';

/**
 * The text of a bundle's config.json. The image's user is looked up in its root filesystem.
 * @param rootfs descriptor of the root filesystem's directory
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED
 */
export function bundleConfig(
  { config, idMap }: { readonly config: ImageConfig; readonly idMap?: IdMap | undefined },
  rootfs: number,
  onEvent?: OnEvent,
): string {
  const files = { passwd: readRootFile(rootfs, 'etc/passwd'), group: readRootFile(rootfs, 'etc/group') };
  const { runtime, warnings } = planBundle(config, files, { idMap, host: probeHost() });
  for (const message of warnings) onEvent?.({ kind: 'warning', message });
  return `${JSON.stringify(runtime, undefined, 2)}\n`;
}
