import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { sweepKilled } from '../../host/life/sweep-killed.ts';
import {
  containersFolder,
  type FoundContainer,
  holdContainer,
  readContainer,
  removeContainer,
} from '../../host/state/container.ts';
import { findContainer, findId } from '../../host/state/find-container.ts';
import { idOfName, sweepNames } from '../../host/state/names.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import type { ContainersContext } from '../places.ts';
import { holdEnded } from './hold-ended.ts';
import { endContainer } from './signal-container.ts';

/**
 * Removes a container whose record is damaged. Its leftovers elsewhere are left to a later prune.
 * @throws as `removeContainerOf`
 */
async function removeDamaged(folder: string, id: string): Promise<string> {
  const held = await holdContainer(folder, id);
  if (held === undefined) {
    throw new TsimgError('CONTAINER_STATE', 'the container is in use, and its record is damaged', {
      where: id.slice(0, 12),
      hint: 'end the tsimg process that keeps it (kill), then try again',
    });
  }
  const facts = probeHost();
  const idMap = storedMap(planUserNamespace(facts, undefined));
  await removeContainer(held, { name: undefined, idMap, tools: facts.tools });
  await sweepNames(folder);
  return id;
}

/**
 * Removes a container with all that it changed. With `force` a running container is killed and removed.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_STATE, FILESYSTEM
 */
export async function removeContainerOf(
  wanted: string,
  { force = false }: { readonly force?: boolean | undefined },
  { stateRoot, signal: abort }: ContainersContext,
): Promise<string> {
  const folder = containersFolder(stateRoot);
  let container: FoundContainer;
  try {
    container = await findContainer(folder, wanted);
  } catch (error) {
    const isDamaged = error instanceof TsimgError && error.code === 'STORE_INVALID';
    const id = isDamaged && force ? await findId(folder, wanted) : undefined;
    if (id === undefined) throw error;
    return await removeDamaged(folder, id);
  }
  const { record } = container;
  if (container.alive && !force) {
    throw new TsimgError('CONTAINER_STATE', 'the container is running', {
      where: record.name,
      hint: 'stop it first (tsimg stop), or remove it with --force',
    });
  }
  await endContainer(container, { timeout: 0, signal: 'KILL', force: true }, abort);
  const held = await holdEnded(container, abort);
  if (held === undefined) return record.id;
  const facts = probeHost();
  await sweepKilled(record, facts);
  await removeContainer(held, { name: record.name, idMap: storedMap(record.plan.idMap), tools: facts.tools });
  return record.id;
}

/**
 * Removes the container that has this name, as with `force`; does nothing where there is none.
 * @throws as `removeContainerOf`
 */
export async function removeNamed(name: string, context: ContainersContext): Promise<void> {
  const folder = containersFolder(context.stateRoot);
  const id = idOfName(folder, name);
  if (id === undefined || (await readContainer(folder, id)) === undefined) return;
  await removeContainerOf(id, { force: true }, context);
}
