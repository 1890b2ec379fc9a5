import { constants } from 'node:fs';
import { TsimgError } from '../errors.ts';
import type { Step } from '../launch/plan.ts';
import { attributeBits } from '../linux/mount-flags.ts';
import { mountPointOf } from '../linux/mountinfo.ts';
import { goTo, O_PATH, openPath, readAll, withDescriptor } from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';
import {
  changeRootToWorkingDirectory,
  detachMount,
  pivotToWorkingDirectory,
  setMountAttributes,
} from '../sys/hand/mounts.ts';

/** The most that the kernel may have to say of a process's mounts: bytes. */
const MAX_MOUNTINFO = 16 * 1024 * 1024;

/**
 * Makes the container's root the root, and lets go of the old one. What of the host stays reachable by descriptor is only
 * the hand's own program, through /proc/self/exe: its mount becomes read-only, else a container's root user could write to it
 * (CVE-2019-5736).
 */
export function pivot(hand: Hand, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'pivot' }>): void {
  withDescriptor(hand, openPath(hand, '/', O_PATH | constants.O_DIRECTORY), (oldRoot) => {
    goTo(hand, rootFd);
    if (readOnlyRoot) setMountAttributes(hand, rootFd, attributeBits(['ro']), false, '/');
    pivotToWorkingDirectory(hand);
    setMountAttributes(hand, oldRoot, attributeBits(['ro']), true, 'the old root');
    detachMount(hand, '.');
    hand.later({ name: 'chdir', args: ['/'] });
  });
}

/** A file of /proc, as text of one byte a character. */
function readProc(hand: Hand, path: string): string {
  return withDescriptor(hand, openPath(hand, path, constants.O_RDONLY), (fd) => {
    const bytes = readAll(hand, fd, MAX_MOUNTINFO);
    if (bytes === undefined) throw new TsimgError('LIMIT_EXCEEDED', 'there are too many mounts', { where: path });
    return bytes.toString('latin1');
  });
}

/** The mount that the hand's file is on becomes read-only, for the same reason. What was bound from it is another mount. */
function protectOwnProgram(hand: Hand): void {
  withDescriptor(hand, openPath(hand, '/proc/self/exe', O_PATH), (program) => {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readProc(hand, `/proc/self/fdinfo/${program}`))?.[1] ?? '';
    const point = mountPointOf(readProc(hand, '/proc/self/mountinfo'), id);
    if (point === undefined) return;
    withDescriptor(hand, openPath(hand, Buffer.from(point, 'latin1'), O_PATH), (mount) =>
      setMountAttributes(hand, mount, attributeBits(['ro']), false, 'the mount of the launcher'),
    );
  });
}

/** chroot(2) alone: the old root stays where it is, below. */
export function changeRoot(hand: Hand, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'chroot' }>): void {
  protectOwnProgram(hand);
  if (readOnlyRoot) setMountAttributes(hand, rootFd, attributeBits(['ro']), false, '/');
  goTo(hand, rootFd);
  changeRootToWorkingDirectory(hand);
  hand.later({ name: 'chdir', args: ['/'] });
}
