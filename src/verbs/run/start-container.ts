import { startMonitor } from '../../host/life/start-monitor.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { type ContainerTarget, type PrepareContext, prepareContainer, retryPlain } from './prepare-container.ts';

/**
 * Starts a new container in the background, with a monitor process of its own. Resolves with its ID when its command
 * runs.
 * @throws as `runContainer`
 */
export async function startContainer(
  target: ContainerTarget,
  request: RunRequest,
  context: PrepareContext,
): Promise<string> {
  const prepared = await prepareContainer(target, request, { ...context, detached: true });
  try {
    await retryPlain(prepared, context, ({ facts }) => startMonitor(prepared, facts.tools, context));
  } catch (error) {
    if (context.life?.remove) await prepared.remove();
    throw error;
  } finally {
    await prepared.lock.close();
  }
  return prepared.id;
}
