import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BindStep, LaunchPlan } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { fillNamed } from '../volumes/use-volumes.ts';

/** Returns the mounts of a plan that are volumes: the image's, the container's own, and those with names. */
export function volumeMounts({ steps }: LaunchPlan): readonly BindStep[] {
  return steps.filter((step) => step.do === 'bind').filter(({ imageVolume }) => imageVolume === true);
}

/**
 * Makes the volumes of a plan that do not exist yet, with the content that the container's root has at their paths,
 * unless they are to stay empty. The caller holds the container's lock. A volume that is made is complete. One with a
 * name is filled once, unless it has files already.
 * @throws LAUNCH_FAILED where the image has no directory at the path, or no overlay can be mounted
 * (`facts.overlayRefused`); FILESYSTEM, HOST_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function fillVolumes(plan: LaunchPlan, tools: HostTools, context: Context): Promise<void> {
  const own = volumeMounts(plan).filter(({ volume, source }) => volume === undefined && !existsSync(source));
  const fill = (missing: readonly BindStep[]) => makeMissing(plan, missing, tools, context);
  await fill(own);
  await fillNamed(plan, context, fill);
}

async function makeMissing(
  plan: LaunchPlan,
  missing: readonly BindStep[],
  tools: HostTools,
  context: Context,
): Promise<void> {
  const [first] = missing;
  const step = plan.steps.find((each) => each.do === 'root');
  if (first === undefined || step === undefined) return;
  const { runFileHelper } = await import('../helper/run-file-helper.ts');
  await mkdir(dirname(first.source), { recursive: true, mode: 0o755 });
  const volumes = missing.map(({ source, target, volume, unfilled = false }) => ({
    directory: source,
    path: target,
    // The volumes of the image are numbered.
    isOfImage: volume === undefined && /^[0-9]+$/.test(basename(source)),
    staysEmpty: unfilled,
  }));
  const root = { kind: 'mount', step, volumes: [] } as const;
  const namespaces = { idMap: storedMap(plan.idMap), ownMounts: true };
  await runFileHelper({ do: 'fill-volumes', root, volumes }, { namespaces, tools }, context);
}
