import { TsimgError } from '../errors.ts';
import { probeHost } from '../host/probe.ts';
import { containersFolder, readContainer, removeContainer } from '../host/state/container.ts';
import { findContainer } from '../host/state/find-container.ts';
import { idOfName } from '../host/state/names.ts';
import { sweepKilled } from '../host/sweep-killed.ts';
import { storedMap } from '../launch/id-map.ts';
import { holdEnded } from './hold-ended.ts';
import { endContainer } from './signal-container.ts';

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
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const { record } = container;
  if (container.alive && !force) {
    throw new TsimgError('CONTAINER_STATE', 'the container runs', {
      where: record.name,
      hint: 'stop it before (tsimg stop), or remove it with --force',
    });
  }
  await endContainer(container, { timeout: 0, signal: 'KILL', force: true }, abort);
  const held = await holdEnded(container, abort);
  if (held === undefined) return record.id;
  const facts = probeHost();
  await sweepKilled(record, facts);
  await removeContainer(held, record.name, storedMap(record.plan.idMap), facts.tools);
  return record.id;
}

/** Removes the container that has this name, be there one, as with `force`. @throws as `removeContainerOf` */
export async function removeNamed(stateRoot: string, name: string, abort?: AbortSignal): Promise<void> {
  const folder = containersFolder(stateRoot);
  const id = idOfName(folder, name);
  if (id === undefined || (await readContainer(folder, id)) === undefined) return;
  await removeContainerOf(stateRoot, id, { force: true }, abort);
}
