import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';

/**
 * Puts a process into cgroups that were made before; those that are not there could not be made, or have ended with all that was
 * in them. cgroups(7). @throws LAUNCH_FAILED
 */
export function joinCgroups(directories: readonly string[], pid: number): void {
  for (const directory of directories) {
    try {
      writeFileSync(join(directory, 'cgroup.procs'), String(pid), { flag: 'r+' });
    } catch (cause) {
      const errno = errnoOf(cause) ?? 'unknown';
      if (['ENOENT', 'ENODEV', 'ESRCH'].includes(errno)) continue;
      throw new TsimgError('LAUNCH_FAILED', 'the container’s cgroup cannot be joined', {
        where: directory,
        why: errno === 'EACCES' || errno === 'EPERM' ? 'it is outside of what is delegated to this session' : errno,
        hint: 'call it from where the container was started',
        cause,
      });
    }
  }
}
