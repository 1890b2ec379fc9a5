import { chmodSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { OnEvent } from '../../events.ts';
import { openOrMakeInRoot } from '../../host/exec/container-root.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { readFileOfRoot } from '../../host/steps/root.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { planBundle } from '../../launch/oci/oci-bundle.ts';
import { volumePlaces } from '../../launch/plan/image-volumes.ts';
import type { ImageConfig } from '../../oci/config.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { openInRoot } from '../../sys/file/open-in-root.ts';
import { descriptorPath } from '../../sys/stub/call/files.ts';
import { openOwnStub } from '../../sys/stub/own-stub.ts';

/** Makes a directory inside of a root, and its parents, where they are missing. The mode is 0755 with any umask. */
function makeDirectories(rootfs: number, path: string): void {
  const names = path.split('/').slice(1);
  for (const [index] of names.entries()) {
    const place = `/${names.slice(0, index + 1).join('/')}`;
    try {
      closeDescriptor(openInRoot(rootfs, place, { flags: O_PATH, links: 'inside' }));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      const made = openOrMakeInRoot(rootfs, Buffer.from(place));
      chmodSync(descriptorPath(made), 0o755);
      closeDescriptor(made);
    }
  }
}

/**
 * Returns the text of a bundle's config.json. The image's user is looked up in the root filesystem. The image's volumes
 * become directories of the root filesystem, which the container may write to.
 * @param rootfs descriptor of the root filesystem's directory
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED
 */
export function bundleConfig(
  { config, idMap }: { readonly config: ImageConfig; readonly idMap?: IdMap | undefined },
  rootfs: number,
  onEvent?: OnEvent,
): string {
  const { places, refused } = volumePlaces(config.run.volumes);
  for (const path of places) makeDirectories(rootfs, path);
  for (const path of refused) {
    const message = `the image’s volume ${JSON.stringify(path)} is left out: the kernel’s own files are there`;
    onEvent?.({ kind: 'warning', message });
  }
  const root = { stub: openOwnStub(), fd: rootfs };
  const files = {
    passwd: readFileOfRoot(root, 'etc/passwd'),
    group: readFileOfRoot(root, 'etc/group'),
  };
  const { runtime, warnings } = planBundle(config, files, { idMap, host: probeHost() });
  for (const message of warnings) onEvent?.({ kind: 'warning', message });
  return `${JSON.stringify(runtime, undefined, 2)}\n`;
}
