import { dirname } from 'node:path';
import { TsimgError } from '../../errors.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { withNames } from '../../launch/network/several-networks.ts';
import { checkContainerName, claimLocked, lockNames, releaseName } from './names.ts';
import { type ContainerRecord, readRecord, writeRecord } from './record.ts';

// A record is changed by the process that renames the container, and by the one that starts it again. Each reads and
// writes it under the lock of all names, so that neither undoes the other's change.

function readExisting(directory: string): ContainerRecord {
  const record = readRecord(directory);
  if (record !== undefined) return record;
  throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed', { where: directory });
}

/**
 * Changes fields of a container's record, but not its name.
 * @param directory the container's @throws CONTAINER_NOT_FOUND, STORE_INVALID, FILESYSTEM; Node's errors
 */
export async function changeRecord(
  directory: string,
  changes: Partial<Omit<ContainerRecord, 'id' | 'name'>>,
): Promise<void> {
  await using _lock = await lockNames(dirname(directory));
  writeRecord(directory, { ...readExisting(directory), ...changes });
}

/** Returns the plan of a renamed container: on its network, others find it by the new name, no longer by the old. */
function renamedPlan({ plan, name, request }: ContainerRecord, newName: string): LaunchPlan {
  const { network, steps } = plan;
  if (network.kind !== 'bridge') return plan;
  const host = steps.find((step) => step.do === 'hostname');
  const isKept = host?.name === name || request.networkAliases?.includes(name) === true;
  const names = network.names.filter((each) => isKept || each !== name);
  return { ...plan, network: withNames(network, [...new Set([...names, newName])]) };
}

/**
 * Gives a container another name. Returns the record with it, and the name before.
 * @param directory the container's
 * @throws CONTAINER_NOT_FOUND, CONTAINER_EXISTS, USAGE, STORE_INVALID, FILESYSTEM; Node's errors
 */
export async function changeName(
  directory: string,
  wanted: string,
): Promise<{ readonly record: ContainerRecord; readonly oldName: string }> {
  const folder = dirname(directory);
  const name = checkContainerName(wanted);
  await using _lock = await lockNames(folder);
  const before = readExisting(directory);
  if (before.name === name) {
    throw new TsimgError('CONTAINER_EXISTS', 'the container has this name already', {
      where: name,
      hint: 'choose another name',
    });
  }
  const record = { ...before, name, plan: renamedPlan(before, name) };
  await claimLocked(folder, name, record.id);
  try {
    writeRecord(directory, record);
  } catch (error) {
    releaseName(folder, name, record.id);
    throw error;
  }
  releaseName(folder, before.name, record.id);
  return { record, oldName: before.name };
}
