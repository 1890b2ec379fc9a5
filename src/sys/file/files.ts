import { constants } from 'node:fs';
import { bind, checked } from '../libc.ts';
import { SYSCALL } from '../syscall-number.data.ts';
import { O_CLOEXEC, openHow, RESOLVE } from './open-how.ts';
import { bothTimes } from './times.ts';

// Calls on names relative to the descriptor of a directory. None follows a symlink as the last component. Names are
// bytes, one per character (latin1). Results are those of the C library: negative for an error, and lastErrno() tells
// which.

/** <fcntl.h>, the same on x86-64 and arm64. */
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** mknod(2): the kinds of special files. */
export const FILE_TYPE = { fifo: 0o010000, 'character-device': 0o020000, 'block-device': 0o060000 } as const;

const close = bind<[number]>('int close(int)');
const openat = bind<[number, Buffer, number, number]>('int openat(int, const uint8_t *, int, uint32_t)');
const mkdirat = bind<[number, Buffer, number]>('int mkdirat(int, const uint8_t *, uint32_t)');
const mknodat = bind<[number, number, Buffer, number, number]>(
  'long syscall(long, int, const uint8_t *, uint32_t, uint32_t)',
);
const openat2 = bind<[number, number, Buffer, Buffer, number]>(
  'long syscall(long, int, const uint8_t *, const uint8_t *, size_t)',
);
const symlinkat = bind<[Buffer, number, Buffer]>('int symlinkat(const uint8_t *, int, const uint8_t *)');
const linkat = bind<[number, Buffer, number, Buffer, number]>(
  'int linkat(int, const uint8_t *, int, const uint8_t *, int)',
);
const renameat2 = bind<[number, Buffer, number, Buffer, number]>(
  'int renameat2(int, const uint8_t *, int, const uint8_t *, uint32_t)',
);
const unlinkat = bind<[number, Buffer, number]>('int unlinkat(int, const uint8_t *, int)');
const fchownat = bind<[number, Buffer, number, number, number]>(
  'int fchownat(int, const uint8_t *, uint32_t, uint32_t, int)',
);
const fchmodat = bind<[number, Buffer, number, number]>('int fchmodat(int, const uint8_t *, uint32_t, int)');
const utimensat = bind<[number, Buffer, Buffer, number]>('int utimensat(int, const uint8_t *, const uint8_t *, int)');
const futimens = bind<[number, Buffer]>('int futimens(int, const uint8_t *)');
const lsetxattr = bind<[Buffer, Buffer, Uint8Array, number, number]>(
  'int lsetxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)',
);
const faccessat = bind<[number, Buffer, number, number]>('int faccessat(int, const uint8_t *, int, int)');
const lremovexattr = bind<[Buffer, Buffer]>('int lremovexattr(const uint8_t *, const uint8_t *)');

/** Memory for the names of one call. The kernel has a copy when the call returns. */
const FIRST = Buffer.alloc(4096);
const SECOND = Buffer.alloc(4096);

function bytes(name: string, memory = FIRST): Buffer {
  if (name.length >= memory.length) return Buffer.from(`${name}\0`, 'latin1');
  memory[memory.write(name, 'latin1')] = 0;
  return memory;
}

/**
 * Closes a descriptor that a call of this file opened. In worker threads Node counts the descriptors of node:fs: it
 * warns when node:fs closes another one, and closes those that were not closed by node:fs.
 * @throws SYSTEM_CALL
 */
export function closeDescriptor(descriptor: number): void {
  checked(close(descriptor), 'close');
}

/**
 * Opens a name in a directory; returns the descriptor. @param flags of open(2); `O_NOFOLLOW` and `O_CLOEXEC` are added
 */
export function openAt(directory: number, name: string, flags: number, mode = 0): number {
  return openat(directory, bytes(name), flags | constants.O_NOFOLLOW | O_CLOEXEC, mode);
}

/**
 * Opens a directory unless it is on another mount than its parent: EXDEV then. Fails with ENOSYS where the kernel is
 * older than Linux 5.6, and with EPERM where a sandbox does not know the call. openat2(2)
 */
export function openDirectoryOnMount(directory: number, name: string): number {
  const how = openHow(constants.O_DIRECTORY | constants.O_NOFOLLOW, RESOLVE.onOneMount);
  return openat2(SYSCALL.openat2, directory, bytes(name), how, how.length);
}

/** Whether the effective user can make names in a directory. access(2) and Node ask for the real user instead. */
export function mayWriteIn(directory: number): boolean {
  const [AT_EACCESS, W_OK, X_OK] = [0x200, 2, 1];
  return faccessat(directory, bytes('.'), W_OK | X_OK, AT_EACCESS) === 0;
}

export function makeDirectoryAt(directory: number, name: string, mode: number): number {
  return mkdirat(directory, bytes(name), mode);
}

/** Makes a special file. @param type of `FILE_TYPE` @param major below 2^12 @param minor below 2^20 */
export function makeNodeAt(directory: number, name: string, type: number, major: number, minor: number): number {
  const device = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  return mknodat(SYSCALL.mknodat, directory, bytes(name), type | 0o600, device >>> 0);
}

export function symlinkAt(target: string, directory: number, name: string): number {
  return symlinkat(bytes(target), directory, bytes(name, SECOND));
}

/** Makes a hard link; of a symlink itself where the old name is one. */
export function linkAt(fromDirectory: number, from: string, toDirectory: number, to: string): number {
  return linkat(fromDirectory, bytes(from), toDirectory, bytes(to, SECOND), 0);
}

export function renameAt(fromDirectory: number, from: string, toDirectory: number, to: string): number {
  return renameat2(fromDirectory, bytes(from), toDirectory, bytes(to, SECOND), 0);
}

/** Renames, and fails with EEXIST instead of replacing a file. EINVAL where the file system has no such rename. */
export function renameNewAt(fromDirectory: number, from: string, toDirectory: number, to: string): number {
  return renameat2(fromDirectory, bytes(from), toDirectory, bytes(to, SECOND), RENAME_NOREPLACE);
}

/** Exchanges two names in one step. EINVAL where the file system cannot. */
export function exchangeAt(leftDirectory: number, left: string, rightDirectory: number, right: string): number {
  return renameat2(leftDirectory, bytes(left), rightDirectory, bytes(right, SECOND), RENAME_EXCHANGE);
}

export function unlinkAt(directory: number, name: string): number {
  return unlinkat(directory, bytes(name), 0);
}

/** Removes an empty directory. */
export function removeDirectoryAt(directory: number, name: string): number {
  return unlinkat(directory, bytes(name), AT_REMOVEDIR);
}

export function chownAt(directory: number, name: string, uid: number, gid: number): number {
  return fchownat(directory, bytes(name), uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** Sets a mode. The name must not be a symlink: Linux before 6.6 has no call that does not follow it. */
export function chmodAt(directory: number, name: string, mode: number): number {
  return fchmodat(directory, bytes(name), mode, 0);
}

/**
 * Sets the times of access and change; seconds since the epoch, negative before it, and nanoseconds counted forward.
 */
export function setTimesAt(directory: number, name: string, seconds: number, nanoseconds: number): number {
  return utimensat(directory, bytes(name), bothTimes(seconds, nanoseconds), AT_SYMLINK_NOFOLLOW);
}

/** Sets the times of an open file. */
export function setTimes(descriptor: number, seconds: number, nanoseconds: number): number {
  return futimens(descriptor, bothTimes(seconds, nanoseconds));
}

/** Sets an extended attribute of a name, of a symlink itself. */
export function setXattrAt(directory: number, name: string, attribute: string, value: Uint8Array): number {
  return lsetxattr(bytes(`/proc/self/fd/${directory}/${name}`), bytes(attribute, SECOND), value, value.length, 0);
}

/** Removes an extended attribute. ENODATA where it is missing, ENOTSUP where the file system has none. */
export function removeXattrAt(directory: number, name: string, attribute: string): number {
  return lremovexattr(bytes(`/proc/self/fd/${directory}/${name}`), bytes(attribute, SECOND));
}
