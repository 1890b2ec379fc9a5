import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { startMonitor } from '../../host/life/start-monitor.ts';
import { containersFolder, type FoundContainer, updateState } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { writeRecord } from '../../host/state/record.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { fillVolumes } from '../changes/fill-volumes.ts';
import type { ContainersContext } from '../places.ts';
import { holdEnded } from './hold-ended.ts';
import { joinedProcess } from './joined-process.ts';
import { planContainer } from './plan-container.ts';
import { endContainer } from './signal-container.ts';

async function startAgain(container: FoundContainer, context: ContainersContext): Promise<void> {
  const { record } = container;
  const held = await holdEnded(container, context.signal);
  if (held === undefined)
    throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed', { where: record.name });
  try {
    const { id, name, root, config, request, cwd } = record;
    const volumes = join(held.directory, CONTAINER_NAME.volumes);
    const around = { root, id, name, cwd, volumes, joined: await joinedProcess(context.stateRoot, request) };
    // The plan is made anew: the host may have changed, and the caller may be in another cgroup. The environment stays
    // the same.
    const { plan, facts } = planContainer(config, request, around);
    const command = { ...plan.command, env: record.plan.command.env };
    writeRecord(held.directory, { ...record, detached: true, plan: { ...plan, command } });
    // An earlier start may have been killed before it had filled all volumes.
    await fillVolumes(plan, facts.tools, context);
    await rm(join(held.directory, CONTAINER_NAME.stop), { force: true });
    updateState(held, { restarts: 0 });
    await startMonitor(held, facts.tools, context);
  } finally {
    await held.lock.close();
  }
}

/**
 * Starts an ended container again, in the background and with all that it changed. A running container stays as it is.
 * @throws CONTAINER_NOT_FOUND; as `startContainer`
 */
export async function startEnded(wanted: string, context: ContainersContext): Promise<void> {
  const container = await findContainer(containersFolder(context.stateRoot), wanted);
  if (!container.alive) await startAgain(container, context);
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
  await endContainer(container, { timeout }, context.signal);
  await startAgain(container, context);
}
