import type { Step } from '../../launch/launch-plan.ts';
import { attributeBits } from '../../linux/mount-flags.ts';
import { goTo } from '../../sys/stub/call/files.ts';
import {
  changeRootToWorkingDirectory,
  detachMount,
  pivotToWorkingDirectory,
  setMountAttributes,
} from '../../sys/stub/call/mounts.ts';
import type { Stub } from '../../sys/stub/stub.ts';

/** Makes the container's root the root, and lets go of the old one. */
export function pivot(stub: Stub, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'pivot' }>): void {
  goTo(stub, rootFd);
  if (readOnlyRoot) setMountAttributes(stub, rootFd, attributeBits(['ro']), false, '/');
  pivotToWorkingDirectory(stub);
  detachMount(stub, '.');
  stub.later({ name: 'chdir', args: ['/'] });
}

/** chroot(2) alone: the old root stays where it is, below. */
export function changeRoot(stub: Stub, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'chroot' }>): void {
  if (readOnlyRoot) setMountAttributes(stub, rootFd, attributeBits(['ro']), false, '/');
  goTo(stub, rootFd);
  changeRootToWorkingDirectory(stub);
  stub.later({ name: 'chdir', args: ['/'] });
}
