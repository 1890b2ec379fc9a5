import type koffi from 'koffi';
import type { TsimgError } from '../errors.ts';
import { ERRNO_NAMES } from './errno.data.ts';
import { loadKoffi } from './koffi.ts';
import { refusedCall } from './refused-call.ts';

/** The C library that this process runs on: glibc's name first, musl's second. */
function loadLibc(): ReturnType<typeof koffi.load> {
  const { load } = loadKoffi();
  try {
    return load('libc.so.6');
  } catch {
    return load(`libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`);
  }
}

let libc: ReturnType<typeof koffi.load> | undefined;

/** A function of the C library from its prototype, bound at its first call so that nothing is loaded that is not used. */
export function bind<Arguments extends readonly unknown[]>(prototype: string): (...args: Arguments) => number {
  let bound: ((...args: Arguments) => number) | undefined;
  return (...args) => {
    if (bound === undefined) {
      libc ??= loadLibc();
      bound = libc.func(prototype);
    }
    return bound(...args);
  };
}

/** Whether the C library is the GNU one; musl's answers to its name, too. */
export function isGlibc(): boolean {
  libc ??= loadLibc();
  try {
    libc.func('const char *gnu_get_libc_version()');
    return true;
  } catch {
    return false;
  }
}

/** The name of the last failed call's errno, such as `ENOENT`. */
export function lastErrno(): string {
  const errno = loadKoffi().errno();
  return ERRNO_NAMES[errno] ?? `errno ${errno}`;
}

/** The error for a system call that failed just now; `facts.errno` tells which way. */
export function systemCallError(call: string, where?: string): TsimgError {
  return refusedCall(call, lastErrno(), where);
}

/** A system call's result when it is not negative. @throws SYSTEM_CALL with `facts.errno` */
export function checked(result: number, call: string, where?: string): number {
  if (result < 0) throw systemCallError(call, where);
  return result;
}
