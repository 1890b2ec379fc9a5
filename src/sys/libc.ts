import type koffi from 'koffi';
import type { TsimgError } from '../errors.ts';
import { ERRNO_NAMES } from './errno.data.ts';
import { loadKoffi } from './koffi.ts';
import { refusedCall } from './refused-call.ts';

/** Loads the C library of this process: by the name of glibc, or else of musl. */
function loadLibc(): ReturnType<typeof koffi.load> {
  const { load } = loadKoffi();
  try {
    return load('libc.so.6');
  } catch {
    return load(`libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`);
  }
}

let libc: ReturnType<typeof koffi.load> | undefined;

/**
 * Returns a function of the C library by its prototype. It is bound at its first call, so that nothing is loaded
 * needlessly.
 */
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

/** Whether the C library is glibc. musl answers to the file name of glibc too. */
export function isGlibc(): boolean {
  libc ??= loadLibc();
  try {
    libc.func('const char *gnu_get_libc_version()');
    return true;
  } catch {
    return false;
  }
}

/** Returns the name of the errno of the last failed call, such as `ENOENT`. */
export function lastErrno(): string {
  const errno = loadKoffi().errno();
  return ERRNO_NAMES[errno] ?? `errno ${errno}`;
}

/** Returns the error for the system call that just failed; `facts.errno` has its errno. */
export function systemCallError(call: string, where?: string): TsimgError {
  return refusedCall(call, lastErrno(), where);
}

/** Returns the result of a system call when it is not negative. @throws SYSTEM_CALL with `facts.errno` */
export function checked(result: number, call: string, where?: string): number {
  if (result < 0) throw systemCallError(call, where);
  return result;
}
