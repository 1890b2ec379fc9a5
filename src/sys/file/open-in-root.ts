import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';
import { type OpenInRoot, openHowInRoot, undisturbed } from './open-how.ts';

const openat2Call = bind<[number, number, string, Buffer, number]>(
  'long syscall(long number, long directory, const char *path, void *how, long size)',
);

/**
 * Opens a path inside of a root, as `openHowInRoot` says. The caller closes the descriptor. sys/stub/call/files.ts has
 * the same for a stub. openat2(2), Linux 5.6.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function openInRoot(rootFd: number, path: string, options: OpenInRoot): number {
  const how = openHowInRoot(options);
  return undisturbed(() => checked(openat2Call(SYSCALL.openat2, rootFd, path, how, how.length), 'openat2', path));
}
