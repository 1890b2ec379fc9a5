import { bind, checked, lastErrno, systemCallError } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';

const openCall = bind<[number, number, number]>('long syscall(long number, long pid, long flags)');
const signalCall = bind<[number, number, number, null, number]>(
  'long syscall(long number, long pidfd, long signal, void *info, long flags)',
);
const closeCall = bind<[number]>('int close(int fd)');

/** A process held by a descriptor, which never names another process. pidfd_open(2), Linux 5.6. */
export interface ProcessHandle extends Disposable {
  readonly pid: number;
  /** The descriptor; disposing of the handle closes it. */
  readonly fd: number;
  /** Sends a signal by number; false when the process is gone. @throws SYSTEM_CALL */
  signal(number: number): boolean;
}

/**
 * Opens a process by its number.
 * @throws SYSTEM_CALL with `facts.errno` ESRCH where there is no such process
 */
export function openProcess(pid: number): ProcessHandle {
  const pidfd = checked(openCall(SYSCALL.pidfd_open, pid, 0), 'pidfd_open', String(pid));
  return {
    pid,
    fd: pidfd,
    signal(number) {
      if (signalCall(SYSCALL.pidfd_send_signal, pidfd, number, null, 0) === 0) return true;
      if (lastErrno() === 'ESRCH') return false;
      throw systemCallError('pidfd_send_signal', String(pid));
    },
    [Symbol.dispose]() {
      closeCall(pidfd);
    },
  };
}
