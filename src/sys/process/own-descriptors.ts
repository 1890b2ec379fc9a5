import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';

const closeRangeCall = bind<[number, number, number, number]>(
  'long syscall(long number, unsigned long first, unsigned long last, unsigned long flags)',
);
const dup2Call = bind<[number, number]>('int dup2(int from, int to)');
const CLOSE_RANGE_CLOEXEC = 4;

/** Makes descriptor `to` a copy of `from`; the copy stays open over execve. dup2(2). @throws SYSTEM_CALL */
export function duplicateOnto(from: number, to: number): void {
  checked(dup2Call(from, to), 'dup2');
}

/**
 * Marks all descriptors from `first` on as close-on-exec: Node can use them, the next program does not get them.
 * @throws SYSTEM_CALL
 */
export function closeOnExecFrom(first: number): void {
  checked(closeRangeCall(SYSCALL.close_range, first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC), 'close_range');
}
