import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Context } from '../../events.ts';
import type { BindStep, LaunchPlan } from '../../launch/launch-plan.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { optionWords } from '../../option-words.ts';
import { VOLUME_NAME } from '../../store-layout.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import type { ContainersContext } from '../places.ts';
import { ensureVolume, lockVolumes, readVolume, volumesFolder, writeVolume } from './named-volumes.ts';

/** The mounts of a plan that are volumes with names. */
export function namedMounts({ steps }: LaunchPlan): readonly (BindStep & { readonly volume: string })[] {
  return steps.flatMap((step) =>
    step.do === 'bind' && step.volume !== undefined ? [{ ...step, volume: step.volume }] : [],
  );
}

/**
 * Makes the volumes of a plan that do not exist, and records the container that uses them, while none can be removed.
 * @param onMade is called with the name of each volume before it is made
 * @throws FILESYSTEM, STORE_INVALID; what `record` throws
 */
export async function withVolumes<T>(
  plan: LaunchPlan,
  { onMade, ...context }: ContainersContext & { readonly onMade?: (name: string) => void },
  record: () => T | Promise<T>,
): Promise<T> {
  const names = namedMounts(plan).map(({ volume }) => volume);
  if (names.length === 0) return await record();
  await using _lock = await lockVolumes(context.stateRoot, 'shared', context);
  const folder = volumesFolder(context.stateRoot);
  for (const name of names) {
    if (readVolume(folder, name) === undefined) onMade?.(name);
    await ensureVolume(folder, { name }, context);
  }
  return await record();
}

/**
 * Fills the volumes with names that no container has had yet: `fill` gets those that are empty. A volume whose files
 * are stored by another map than this container's is a warning: their owners look different here.
 */
export async function fillNamed(
  plan: LaunchPlan,
  context: Context,
  fill: (steps: readonly BindStep[]) => Promise<void>,
): Promise<void> {
  const idMap = storedMap(plan.idMap);
  const stored = JSON.stringify([idMap?.uids, idMap?.gids]);
  for (const step of namedMounts(plan)) {
    const directory = dirname(step.source);
    const read = () => readVolume(dirname(directory), basename(directory));
    let record = read();
    if (record?.filled === false) {
      await using _lock = await acquireLock(join(directory, VOLUME_NAME.lock), 'exclusive', context);
      record = read();
      if (record?.filled === false) {
        if (!step.unfilled && readdirSync(join(directory, VOLUME_NAME.data)).length === 0) await fill([step]);
        writeVolume(dirname(directory), { ...record, filled: true, idMap });
        continue;
      }
    }
    if (record !== undefined && JSON.stringify([record.idMap?.uids, record.idMap?.gids]) !== stored) {
      const ids = optionWords('other IDs (--userns, or another user)');
      const message = `the volume ${step.volume} was first used with ${ids}: its files have other owners in this container`;
      context.onEvent?.({ kind: 'warning', message });
    }
  }
}
