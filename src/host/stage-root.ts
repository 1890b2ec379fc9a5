import { constants, openSync, readFileSync } from 'node:fs';
import type { Step } from '../launch/plan.ts';
import { attributeBits } from '../linux/mount-flags.ts';
import { mountPointOf } from '../linux/mountinfo.ts';
import {
  changeRootToWorkingDirectory,
  detachMount,
  pivotToWorkingDirectory,
  setMountAttributes,
} from '../sys/mount.ts';
import { descriptorPath, O_PATH, withDescriptor } from './root-targets.ts';

/**
 * Makes the container's root the root, and lets go of the old one. What of the host stays reachable by descriptor is only
 * this process's own program, through /proc/self/exe: its mount becomes read-only, else a container's root user could
 * write to it (CVE-2019-5736).
 */
export function pivot(rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'pivot' }>): void {
  const oldRoot = openSync('/', O_PATH | constants.O_DIRECTORY);
  withDescriptor(oldRoot, () => {
    process.chdir(descriptorPath(rootFd));
    if (readOnlyRoot) setMountAttributes(rootFd, attributeBits(['ro']), false, '/');
    pivotToWorkingDirectory();
    setMountAttributes(oldRoot, attributeBits(['ro']), true, 'the old root');
    detachMount('.');
    process.chdir('/');
  });
}

/** The mount that this program's file is on becomes read-only, for the same reason. What was bound from it is another mount. */
function protectOwnProgram(): void {
  withDescriptor(openSync('/proc/self/exe', O_PATH), (program) => {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${program}`, 'latin1'))?.[1] ?? '';
    const point = mountPointOf(readFileSync('/proc/self/mountinfo', 'latin1'), id);
    if (point === undefined) return;
    withDescriptor(openSync(Buffer.from(point, 'latin1'), O_PATH), (mount) =>
      setMountAttributes(mount, attributeBits(['ro']), false, 'the mount of the launcher'),
    );
  });
}

/** chroot(2) alone: the old root stays where it is, below. */
export function changeRoot(rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'chroot' }>): void {
  protectOwnProgram();
  if (readOnlyRoot) setMountAttributes(rootFd, attributeBits(['ro']), false, '/');
  process.chdir(descriptorPath(rootFd));
  changeRootToWorkingDirectory();
  process.chdir('/');
}
