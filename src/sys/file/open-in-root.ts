import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';
import { type OpenInRoot, openHowInRoot, undisturbed } from './open-how.ts';

const openat2Call = bind<[number, number, string | Uint8Array, Buffer, number]>(
  'long syscall(long number, long directory, const char *path, void *how, long size)',
);

const NUL = Buffer.alloc(1);

/**
 * Opens a path inside of a root, as `openHowInRoot` says. The caller closes the descriptor. sys/stub/call/files.ts has
 * the same for a stub. openat2(2), Linux 5.6.
 * @param path text, or bytes
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function openInRoot(rootFd: number, path: string | Buffer, options: OpenInRoot): number {
  const how = openHowInRoot(options);
  const name = typeof path === 'string' ? path : Buffer.concat([path, NUL]);
  return undisturbed(() => checked(openat2Call(SYSCALL.openat2, rootFd, name, how, how.length), 'openat2', `${path}`));
}
