import { buildBundle } from '../../disk/build-bundle.ts';
import { buildRootfs } from '../../disk/build-rootfs.ts';
import { unpackLayers, unpackSideBySide } from '../../disk/unpack-layers.ts';
import { defaultOwnership, type UnpackReport } from '../../disk/unpack-options.ts';
import type { Context } from '../../events.ts';
import { bundleConfig } from './bundle-config.ts';
import type { UnpackTask } from './unpack-request.ts';

/** Unpacks with the IDs of this process, in its own user namespace. @throws what `buildRootfs` throws, LAUNCH_FAILED */
export function performUnpack({ layers, into, settings }: UnpackTask, context: Context): Promise<UnpackReport> {
  const options = { ...settings, ...context };
  switch (into.kind) {
    case 'flat':
      return buildRootfs(layers, into.destination, options);
    case 'layers':
      return unpackLayers(layers, into.directories, { ...options, form: into.form });
    case 'side-by-side': {
      const form = { ownership: settings.ownership ?? defaultOwnership(), overlay: into.overlay };
      return unpackSideBySide(layers, into.destination, { ...options, form });
    }
    case 'bundle':
      return buildBundle(
        layers,
        {
          destination: into.destination,
          configOf: (rootfs) => bundleConfig(into, rootfs, context.onEvent),
        },
        options,
      );
  }
}
