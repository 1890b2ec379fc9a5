import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';

const openat2Call = bind<[number, number, string, Buffer, number]>(
  'long syscall(long number, long directory, const char *path, void *how, long size)',
);

const STRUCT_OPEN_HOW_SIZE = 24;
const O_CLOEXEC = 0o2000000;
const RESOLVE = { noMagicLinks: 0x02, noSymlinks: 0x04, inRoot: 0x10 };

export interface OpenInRoot {
  /** open(2)'s flags, close-on-exec apart, which is always set. */
  readonly flags: number;
  /** `inside`: links are followed within the root. `never`: a link anywhere on the way is ELOOP. */
  readonly links: 'inside' | 'never';
}

/**
 * Opens a path as if `rootFd` were the root: neither `..` nor a link leads out, and links of /proc/self/fd are refused.
 * openat2(2), Linux 5.6. The descriptor is the caller's to close.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function openInRoot(rootFd: number, path: string, { flags, links }: OpenInRoot): number {
  const how = Buffer.alloc(STRUCT_OPEN_HOW_SIZE);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  const resolve = RESOLVE.inRoot | RESOLVE.noMagicLinks | (links === 'never' ? RESOLVE.noSymlinks : 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return checked(openat2Call(SYSCALL.openat2, rootFd, path, how, how.length), 'openat2', path);
}
