import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import { startMonitor } from '../../host/life/start-monitor.ts';
import { changeRecord } from '../../host/state/change-record.ts';
import { containersFolder, type FoundContainer, removeContainer, updateState } from '../../host/state/container.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { readRecord } from '../../host/state/record.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { fillVolumes } from '../changes/fill-volumes.ts';
import { holdEnded } from '../life/hold-ended.ts';
import { isPaused } from '../life/pause-container.ts';
import { stopContainer } from '../life/signal-container.ts';
import type { ContainersContext } from '../places.ts';
import { volumesFolder } from '../volumes/named-volumes.ts';
import { withVolumes } from '../volumes/use-volumes.ts';
import { foundNetwork } from './found-network.ts';
import { lifeHere, liveAgainHere } from './live-here.ts';
import { planContainer } from './plan-container.ts';

/**
 * Starts an ended container: in this process, where this process has started it in itself; otherwise in the background.
 * A container that streams are attached to starts in the background.
 */
async function startAgain(
  container: FoundContainer,
  context: ContainersContext,
  onAttached?: ((stream: Duplex) => void) | undefined,
): Promise<void> {
  const { record } = container;
  const held = await holdEnded(container, context.signal);
  if (held === undefined)
    throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed', { where: record.name });
  const life = onAttached === undefined ? lifeHere(record.id) : undefined;
  /** Whether the lock now belongs to the container's next life, which closes it. */
  let isPassedOn = false;
  try {
    const { id, name, root, config, request, cwd } = record;
    const volumes = join(held.directory, CONTAINER_NAME.volumes);
    const around = {
      root,
      id,
      name,
      cwd,
      volumes,
      namedVolumes: volumesFolder(context.stateRoot),
      ...(await foundNetwork(context.stateRoot, request)),
    };
    // The plan is made anew: the host may have changed, and the caller may be in another cgroup. The environment stays
    // the same.
    const { plan, facts } = planContainer(config, request, around);
    const again = { ...plan, command: { ...plan.command, env: record.plan.command.env } };
    await withVolumes(plan, context, () => changeRecord(held.directory, { detached: true, plan: again }));
    // An earlier start may have been killed before it had filled all volumes.
    await fillVolumes(plan, facts.tools, context);
    await rm(join(held.directory, CONTAINER_NAME.stop), { force: true });
    updateState(held, { restarts: 0 });
    // From here on the monitor removes a container with --rm, which `create` has kept.
    if (record.remove) await rm(join(held.directory, CONTAINER_NAME.kept), { force: true });
    if (life !== undefined) {
      isPassedOn = true;
      return await liveAgainHere({ ...held, plan: again }, facts.tools, life);
    }
    try {
      await startMonitor(held, facts.tools, context, onAttached);
    } catch (error) {
      // As with docker: a container with --rm does not outlive a start that failed. A failure to remove it would hide the
      // error; `prune` tries once more.
      const removal = { name, idMap: storedMap(plan.idMap), tools: facts.tools };
      if (record.remove) await removeContainer(held, removal).catch(() => {});
      throw error;
    }
  } finally {
    if (!isPassedOn) await held.lock.close();
  }
}

/**
 * Starts a container that was created, or an ended one again with all that it changed, in the background, or in this
 * process where this process has started it in itself. A running container stays as it is.
 * @param onAttached takes a stream that is attached to the container from its start on, for `attachTo`
 * @throws CONTAINER_NOT_FOUND; CONTAINER_STATE for a paused one; as `startContainer`
 */
export async function startEnded(
  wanted: string,
  context: ContainersContext,
  onAttached?: ((stream: Duplex) => void) | undefined,
): Promise<void> {
  const container = await findContainer(containersFolder(context.stateRoot), wanted);
  if (container.paused) throw isPaused(container);
  if (!container.alive) await startAgain(container, context, onAttached);
}

/**
 * Stops a container, as `stopContainer` does, and starts it again.
 * @throws CONTAINER_NOT_FOUND; CONTAINER_STATE for a container that is removed when it ends; as `startContainer`
 */
export async function restartContainer(
  wanted: string,
  { timeout }: { readonly timeout?: number | undefined },
  context: ContainersContext,
): Promise<void> {
  const container = await findContainer(containersFolder(context.stateRoot), wanted);
  if (container.record.remove) {
    throw new TsimgError('CONTAINER_STATE', 'the container cannot be started again', {
      where: container.record.name,
      why: 'it runs with --rm, so it is removed when it ends',
      hint: 'stop it (tsimg stop) and run it again, without --rm to keep it',
    });
  }
  await stopContainer(container.record.id, { timeout }, context);
  await startAgain(container, context);
  recordContainerEvent(container.folder, readRecord(container.directory) ?? container.record, 'restart');
}
