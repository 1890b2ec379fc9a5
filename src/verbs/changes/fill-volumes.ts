import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BindStep, LaunchPlan } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';

/** Returns the mounts of a plan that are volumes of the image. */
export function imageVolumes({ steps }: LaunchPlan): readonly BindStep[] {
  return steps.filter((step) => step.do === 'bind').filter(({ imageVolume }) => imageVolume === true);
}

/**
 * Makes the volumes of a plan that do not exist yet, with the content that the container's root has at their paths. The
 * caller holds the container's lock. A volume that is made is complete.
 * @throws LAUNCH_FAILED where the image has no directory at the path, or no overlay can be mounted
 * (`facts.overlayRefused`); FILESYSTEM, HOST_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function fillVolumes(plan: LaunchPlan, tools: HostTools, context: Context): Promise<void> {
  const missing = imageVolumes(plan).filter(({ source }) => !existsSync(source));
  const [first] = missing;
  const step = plan.steps.find((each) => each.do === 'root');
  if (first === undefined || step === undefined) return;
  const { runFileHelper } = await import('../helper/run-file-helper.ts');
  await mkdir(dirname(first.source), { recursive: true, mode: 0o755 });
  const volumes = missing.map(({ source, target }) => ({ directory: source, path: target }));
  const root = { kind: 'mount', step, volumes: [] } as const;
  const namespaces = { idMap: storedMap(plan.idMap), ownMounts: true };
  await runFileHelper({ do: 'fill-volumes', root, volumes }, { namespaces, tools }, context);
}
