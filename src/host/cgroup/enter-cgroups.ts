import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { EnteredCgroup } from '../../launch/plan/plan-exec.ts';

/** Puts a process into a cgroup; a missing optional cgroup is skipped. cgroups(7) @throws LAUNCH_FAILED */
function enterCgroup(directory: string, required: boolean, pid: number): void {
  try {
    writeFileSync(join(directory, 'cgroup.procs'), String(pid), { flag: 'r+' });
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'unknown';
    const isGone = ['ENOENT', 'ENODEV', 'ESRCH'].includes(errno);
    if (isGone && !required) return;
    throw new TsimgError('LAUNCH_FAILED', 'the container’s cgroup cannot be joined', {
      where: directory,
      why: isGone
        ? 'it is not there: it could not be made, or the container has ended'
        : errno === 'EACCES' || errno === 'EPERM'
          ? 'the cgroup does not belong to this session’s delegated ones'
          : errno,
      hint: isGone
        ? 'see tsimg ps; a command without --privileged may not need it'
        : 'run it in the session that started the container',
      cause,
    });
  }
}

/** Puts the command's process into the container's cgroups. @throws LAUNCH_FAILED */
export function joinCgroups(cgroups: readonly EnteredCgroup[], pid: number): void {
  for (const { directory, required } of cgroups) enterCgroup(directory, required, pid);
}

/**
 * Puts an entering stub into a cgroup with the container's list of devices. Its child is born in it, so a container
 * that traces the child gets no more devices. @throws LAUNCH_FAILED
 */
export function waitInCgroups(cgroups: readonly EnteredCgroup[], pid: number): void {
  for (const { waiting, required } of cgroups) if (waiting !== undefined) enterCgroup(waiting, required, pid);
}
