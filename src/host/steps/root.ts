import type { Step } from '../../launch/launch-plan.ts';
import { attributeBits } from '../../linux/mount-flags.ts';
import { goTo } from '../../sys/stub/call/files.ts';
import {
  changeRootToWorkingDirectory,
  detachMount,
  pivotToWorkingDirectory,
  setMountAttributes,
} from '../../sys/stub/call/mounts.ts';
import type { Hand } from '../../sys/stub/stub.ts';

/** Makes the container's root the root, and lets go of the old one. */
export function pivot(hand: Hand, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'pivot' }>): void {
  goTo(hand, rootFd);
  if (readOnlyRoot) setMountAttributes(hand, rootFd, attributeBits(['ro']), false, '/');
  pivotToWorkingDirectory(hand);
  detachMount(hand, '.');
  hand.later({ name: 'chdir', args: ['/'] });
}

/** chroot(2) alone: the old root stays where it is, below. */
export function changeRoot(hand: Hand, rootFd: number, { readOnlyRoot }: Extract<Step, { do: 'chroot' }>): void {
  if (readOnlyRoot) setMountAttributes(hand, rootFd, attributeBits(['ro']), false, '/');
  goTo(hand, rootFd);
  changeRootToWorkingDirectory(hand);
  hand.later({ name: 'chdir', args: ['/'] });
}
