import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';

const closeRangeCall = bind<[number, number, number, number]>(
  'long syscall(long number, unsigned long first, unsigned long last, unsigned long flags)',
);
const dup2Call = bind<[number, number]>('int dup2(int from, int to)');
const CLOSE_RANGE_CLOEXEC = 4;

/** Makes descriptor `to` another name of `from`; it stays open over execve. dup2(2). @throws SYSTEM_CALL */
export function duplicateOnto(from: number, to: number): void {
  checked(dup2Call(from, to), 'dup2');
}

/** Marks every descriptor from `first` on close-on-exec: Node goes on using them, the program to come never sees them. @throws SYSTEM_CALL */
export function closeOnExecFrom(first: number): void {
  checked(closeRangeCall(SYSCALL.close_range, first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC), 'close_range');
}
