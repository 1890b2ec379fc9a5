import type { Duplex } from 'node:stream';
import { startMonitor } from '../../host/life/start-monitor.ts';
import { markKept } from '../../host/state/container.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { type ContainerTarget, type PrepareContext, prepareContainer, retryPlain } from './prepare-container.ts';

/**
 * Starts a new container in the background, with a monitor process of its own. Resolves with its ID when its command
 * runs.
 * @param onAttached takes a stream that is attached to the container from its start on, for `attachTo`
 * @throws as `runContainer`
 */
export async function startContainer(
  target: ContainerTarget,
  request: RunRequest,
  context: PrepareContext,
  onAttached?: ((stream: Duplex) => void) | undefined,
): Promise<string> {
  const prepared = await prepareContainer(target, request, { ...context, detached: true });
  try {
    await retryPlain(prepared, context, ({ facts }) => startMonitor(prepared, facts.tools, context, onAttached));
  } catch (error) {
    if (context.life?.remove) await prepared.remove();
    throw error;
  } finally {
    await prepared.lock.close();
  }
  return prepared.id;
}

/**
 * Makes a container that `startEnded` starts. Resolves with its ID.
 * @throws as `runContainer`
 */
export async function createContainer(
  target: ContainerTarget,
  request: RunRequest,
  context: PrepareContext,
): Promise<string> {
  const prepared = await prepareContainer(target, request, { ...context, detached: true });
  try {
    // With --rm too: it has no process yet by which prune would see that it is no leftover.
    markKept(prepared);
    for (const message of prepared.plan.warnings) context.onEvent?.({ kind: 'warning', message });
    return prepared.id;
  } finally {
    await prepared.lock.close();
  }
}
