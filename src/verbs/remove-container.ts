import { setTimeout as sleep } from 'node:timers/promises';
import { TsimgError } from '../errors.ts';
import { probeHost } from '../host/probe.ts';
import { containersFolder, holdContainer, removeContainer } from '../host/state/container.ts';
import { findContainer } from '../host/state/find-container.ts';
import { endContainer } from './signal-container.ts';

/** Who only asks whether a container is alive holds its lock for a moment too: milliseconds. */
const PAUSE = 10;
const ATTEMPTS = 50;

/**
 * Removes a container with all that it changed; with `force` one that runs too, which is killed.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, FILESYSTEM
 */
export async function removeContainerOf(
  stateRoot: string,
  wanted: string,
  { force = false }: { readonly force?: boolean | undefined },
  abort?: AbortSignal,
): Promise<string> {
  const folder = containersFolder(stateRoot);
  const container = await findContainer(folder, wanted);
  const { record } = container;
  if (container.alive && !force) {
    throw new TsimgError('CONTAINER_STATE', 'the container runs', {
      where: record.name,
      hint: 'stop it before (tsimg stop), or remove it with --force',
    });
  }
  await endContainer(container, { timeout: 0, signal: 'KILL' }, abort);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const held = await holdContainer(folder, record.id);
    if (held !== undefined) {
      await removeContainer(held, record.name, record.plan.idMap, probeHost().tools);
      return record.id;
    }
    await sleep(PAUSE, undefined, { signal: abort });
    // With --rm, it went by itself.
    if ((await findContainer(folder, record.id).catch(() => undefined)) === undefined) return record.id;
  }
  throw new TsimgError('CONTAINER_STATE', 'the container is in use', { where: record.name, hint: 'try again' });
}
