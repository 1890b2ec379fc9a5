import { bind, lastErrno } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

const syscallFive = bind<[number, number, number, number, number, number]>(
  'long syscall(long number, long a, long b, long c, long d, long e)',
);

/** System calls that a launch needs, and that some kernels, or the filters of some containers, lack. */
export const PROBED_CALLS = [
  'open_tree',
  'move_mount',
  'pidfd_open',
  'openat2',
  'close_range',
  'mount_setattr',
] as const;

export type ProbedCall = (typeof PROBED_CALLS)[number];

/** Whether the kernel knows a call. All arguments are -1, which each of these calls refuses before it does anything. */
export function callExists(call: ProbedCall): boolean {
  return syscallFive(SYSCALL[call], -1, -1, -1, -1, -1) >= 0 || lastErrno() !== 'ENOSYS';
}
