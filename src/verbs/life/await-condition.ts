import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../../errors.ts';
import { containersFolder, type FoundContainer, readContainer } from '../../host/state/container.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { ContainersContext } from '../places.ts';
import { waitForContainer } from './signal-container.ts';

/** What is waited for: podman's words, and docker's `removed`. `stopped` and `exited` mean the same. */
export const WAIT_CONDITIONS = ['stopped', 'exited', 'removed', 'running', 'paused', 'healthy', 'unhealthy'] as const;

/** A word of {@link WAIT_CONDITIONS}. */
export type WaitCondition = (typeof WAIT_CONDITIONS)[number];

/** Milliseconds between two looks at a container. */
const PAUSE = 100;
/** The exit status of a container that has not ended; podman's. */
const NOT_ENDED = -1;

function holds({ state, alive, paused }: FoundContainer, condition: WaitCondition): boolean {
  switch (condition) {
    case 'stopped':
    case 'exited':
      return !alive;
    case 'removed':
      return false;
    case 'running':
      return state.status === 'running' && !paused;
    case 'paused':
      return paused;
    default:
      return state.status === 'running' && state.health?.status === condition;
  }
}

/** The error where only a health is waited for, and there will be none. */
function hopeless({ record, alive, state }: FoundContainer): TsimgError | undefined {
  if (record.plan.health === undefined) {
    return new TsimgError('CONTAINER_STATE', 'the container has no health check', {
      where: record.name,
      hint: 'run it with --health-cmd COMMAND, or make its image with a HEALTHCHECK',
    });
  }
  if (alive) return undefined;
  return new TsimgError('CONTAINER_STATE', 'the container has ended', {
    where: record.name,
    why: `its exit status is ${state.exitCode ?? 'not known'}; an ended container is not checked`,
    hint: 'start it again (tsimg start); tsimg logs shows its output',
  });
}

/**
 * Waits until one of several conditions of a container holds. Resolves with its exit status, or with -1 where it has
 * not ended.
 * @param conditions none for the container's end
 * @throws CONTAINER_NOT_FOUND where there is no such container, or it is removed meanwhile; CONTAINER_STATE where only
 * its health is waited for, and it has ended or has no health check; an AbortError
 */
export async function waitForCondition(
  wanted: string,
  conditions: readonly WaitCondition[],
  context: ContainersContext,
): Promise<number> {
  if (conditions.every((each) => each === 'stopped' || each === 'exited')) return waitForContainer(wanted, context);
  const { stateRoot, signal } = context;
  const folder = containersFolder(stateRoot);
  const isAboutHealth = conditions.every((each) => each === 'healthy' || each === 'unhealthy');
  let last = await findContainer(folder, wanted);
  for (;;) {
    const found = await readContainer(folder, last.record.id);
    if (found === undefined) {
      if (conditions.includes('removed')) return last.state.exitCode ?? NOT_ENDED;
      throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed', { where: last.record.name });
    }
    last = found;
    if (conditions.some((each) => holds(found, each))) return found.alive ? NOT_ENDED : (found.state.exitCode ?? 255);
    const error = isAboutHealth ? hopeless(found) : undefined;
    if (error !== undefined) throw error;
    await sleep(PAUSE, undefined, { signal });
  }
}
