import { TsimgError } from '../../errors.ts';
import { pauseProcesses, thaw } from '../../host/cgroup/freeze.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, type FoundContainer } from '../../host/state/container.ts';
import { recordContainerEvent } from '../../host/state/events-file.ts';
import { findContainer } from '../../host/state/find-container.ts';
import type { ContainersContext } from '../places.ts';
import { notRunning } from './signal-container.ts';

/** The error of a verb that needs a container that is not paused. */
export function isPaused({ record }: FoundContainer): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container is paused', {
    where: record.name,
    hint: 'tsimg unpause lets it go on',
  });
}

/** The error for a container without a cgroup that can stop it. */
function noFreezer({ record }: FoundContainer): TsimgError {
  const { v1 } = probeHost().cgroups;
  const isLegacy = v1.some(({ controllers }) => controllers.includes('freezer'));
  return new TsimgError('HOST_UNSUPPORTED', 'the container cannot be paused', {
    where: record.name,
    why: isLegacy
      ? 'it has no freezer: this host has cgroups of version 1, which only root can make'
      : 'it has no cgroup of its own that this user may stop',
    hint: isLegacy ? 'run it as root' : 'run it below systemd-run --user --scope -p Delegate=yes, or as root',
  });
}

/**
 * Stops all processes of a running container until `unpauseContainer`, by its cgroup; they do not notice.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS; CONTAINER_STATE where it does not run, is paused already, or has a
 * process that cannot stop; HOST_UNSUPPORTED where it has no cgroup that can stop it; an AbortError
 */
export async function pauseContainer(wanted: string, { stateRoot, signal }: ContainersContext): Promise<void> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const { record, state } = container;
  if (state.status !== 'running') throw notRunning(container);
  if (container.paused) throw isPaused(container);
  const result = await pauseProcesses(record.plan.cgroups, signal);
  if (result === 'paused') return recordContainerEvent(container.folder, record, 'pause');
  if (result === 'refused') throw noFreezer(container);
  throw new TsimgError('CONTAINER_STATE', 'the container does not pause', {
    where: record.name,
    why: 'a process of it did not stop within 5 s',
    hint: 'it may wait for a disk or a network share, or have ended: see tsimg ps; try again',
  });
}

/**
 * Lets a paused container go on.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS; CONTAINER_STATE where it is not paused; HOST_UNSUPPORTED
 */
export async function unpauseContainer(wanted: string, { stateRoot }: ContainersContext): Promise<void> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  if (!container.paused) {
    throw new TsimgError('CONTAINER_STATE', 'the container is not paused', {
      where: container.record.name,
      hint: 'tsimg ps -a shows its state',
    });
  }
  if (!thaw(container.record.plan.cgroups)) throw noFreezer(container);
  recordContainerEvent(container.folder, container.record, 'unpause');
}
