import { bind, checked } from './libc.ts';

const pipe2Call = bind<[Buffer, number]>('int pipe2(void *fds, int flags)');
const O_CLOEXEC = 0o2000000;

/** A pipe proper: Node's "pipe" is a socket pair, whose /dev/stdout nobody can open (ENXIO). Both ends are the caller's to close. */
export function openPipe(): { readonly read: number; readonly write: number } {
  const fds = Buffer.alloc(8);
  checked(pipe2Call(fds, O_CLOEXEC), 'pipe2');
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}
