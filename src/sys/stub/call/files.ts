import { constants } from 'node:fs';
import { errnoOf } from '../../../errors.ts';
import { O_CLOEXEC, type OpenInRoot, openHowInRoot } from '../../file/open-how.ts';
import type { LaterCall, Stub } from '../stub.ts';

// Calls on files by a stub: descriptors are the stub's, and paths are resolved from its root and working directory.
// Flags and structures are the same on x86-64 and arm64, except for O_DIRECTORY and O_NOFOLLOW, which Node knows.

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const S_IFMT = 0o170000;
const CHUNK = 64 * 1024;
const PATH_MAX = 4096;

/** Ends a path of bytes with NUL; a string gets its NUL when the request is encoded. */
function terminated(path: string | Uint8Array): string | Uint8Array {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)]);
}

/** Opens a path of the stub's. openat(2) @throws SYSTEM_CALL */
export function openPath(stub: Stub, path: string | Uint8Array, flags: number): number {
  const name = terminated(path);
  return stub.call('openat', [AT_FDCWD, name, flags | O_CLOEXEC, 0], String(path));
}

/**
 * Opens a path inside of a root, as `openHowInRoot` says. openat2(2), Linux 5.6.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function openInRoot(stub: Stub, rootFd: number, path: string | Uint8Array, options: OpenInRoot): number {
  const how = openHowInRoot(options);
  return stub.call('openat2', [rootFd, terminated(path), how, how.length], String(path));
}

/** Calls a function with a descriptor, and closes the descriptor. */
export function withDescriptor<T>(stub: Stub, fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    stub.later({ name: 'close', args: [fd] });
  }
}

/** A path of the open file itself, which the kernel does not look up by name. Needs a /proc mount. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

export interface Status {
  readonly kind: 'file' | 'directory' | 'character-device' | 'block-device' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
  /** Bytes. */
  readonly size: number;
}

const KINDS: ReadonlyMap<number, Status['kind']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
]);

/** Returns the status of an open file. statx(2) @throws SYSTEM_CALL */
export function statusOf(stub: Stub, fd: number): Status {
  const [STATX_BASIC_STATS, SIZE] = [0x7ff, 256];
  const status = Buffer.alloc(SIZE);
  stub.call('statx', [fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, { receive: status }]);
  const mode = status.readUInt16LE(28);
  return {
    kind: KINDS.get(mode & S_IFMT) ?? 'other',
    mode: mode & 0o7777,
    uid: status.readUInt32LE(20),
    gid: status.readUInt32LE(24),
    major: status.readUInt32LE(128),
    minor: status.readUInt32LE(132),
    size: Number(status.readBigUInt64LE(40)),
  };
}

/** Whether a path exists and may be searched. @throws SYSTEM_CALL for other errors */
export function isThere(stub: Stub, path: string): boolean {
  const status = Buffer.alloc(256);
  try {
    stub.call('statx', [AT_FDCWD, path, 0, 0, { receive: status }], path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Returns the type number of the file system that an open file is on. statfs(2) @throws SYSTEM_CALL */
export function fileSystemOf(stub: Stub, fd: number): number {
  const status = Buffer.alloc(120);
  stub.call('fstatfs', [fd, { receive: status }]);
  return Number(status.readBigInt64LE(0));
}

/** Reads an open file to its end; undefined when it has more than `limit` bytes. @throws SYSTEM_CALL */
export function readAll(stub: Stub, fd: number, limit: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= limit; ) {
    const chunk = Buffer.alloc(CHUNK);
    const count = stub.call('read', [fd, { receive: chunk }, chunk.length]);
    if (count === 0) return Buffer.concat(chunks);
    size += count;
    chunks.push(chunk.subarray(0, count));
  }
  return undefined;
}

/** Writes all bytes. @throws SYSTEM_CALL */
export function writeAll(stub: Stub, fd: number, bytes: Uint8Array, where?: string): void {
  for (let rest = bytes; rest.length > 0; ) {
    const part = rest.subarray(0, CHUNK);
    rest = rest.subarray(stub.call('write', [fd, part, part.length], where));
  }
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'directory' | 'character-device' | 'block-device' | 'other';
}

const ENTRY_KINDS: ReadonlyMap<number, DirectoryEntry['kind']> = new Map([
  [2, 'character-device'],
  [4, 'directory'],
  [6, 'block-device'],
]);

/** Reads the entries of a directory that was opened with O_PATH. getdents(2) @throws SYSTEM_CALL */
export function readDirectory(stub: Stub, directory: number): readonly DirectoryEntry[] {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC;
  return withDescriptor(stub, stub.call('openat', [directory, '.', flags, 0]), (fd) => {
    const entries: DirectoryEntry[] = [];
    const buffer = Buffer.alloc(CHUNK);
    for (;;) {
      const count = stub.call('getdents64', [fd, { receive: buffer }, buffer.length]);
      if (count === 0) return entries;
      for (let at = 0; at < count; at += buffer.readUInt16LE(at + 16)) {
        const name = buffer.toString('utf8', at + 19, buffer.indexOf(0, at + 19));
        if (name === '.' || name === '..') continue;
        entries.push({ name, kind: ENTRY_KINDS.get(buffer[at + 18] ?? 0) ?? 'other' });
      }
    }
  });
}

/** A name in an open directory of a stub. */
export interface NameIn {
  readonly stub: Stub;
  readonly directory: number;
  /** Text, or bytes without a final NUL. */
  readonly name: string | Uint8Array;
}

// The functions below make files with the given mode, for a stub's umask is 0 while it prepares a container. None of
// them follows links.

/** Makes a file with a content; it must not exist. @throws SYSTEM_CALL */
export function makeFile({ stub, directory, name }: NameIn, mode: number, content: Uint8Array): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
  const fd = stub.call('openat', [directory, terminated(name), flags, mode], String(name));
  withDescriptor(stub, fd, () => writeAll(stub, fd, content, String(name)));
}

/** Makes a directory; it must not exist. mkdirat(2) @throws SYSTEM_CALL */
export function makeOneDirectory({ stub, directory, name }: NameIn, mode: number): void {
  stub.call('mkdirat', [directory, terminated(name), mode], String(name));
}

/**
 * Returns the target of a link, as bytes; undefined where the name is missing or no link. readlinkat(2)
 * @throws SYSTEM_CALL
 */
export function readLinkIn({ stub, directory, name }: NameIn): Buffer | undefined {
  const target = Buffer.alloc(PATH_MAX);
  try {
    return target.subarray(
      0,
      stub.call('readlinkat', [directory, terminated(name), { receive: target }, target.length], String(name)),
    );
  } catch (error) {
    if (['EINVAL', 'ENOENT'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Makes a directory, delayed to the next call. mkdirat(2)
 * @throws SYSTEM_CALL, or the error that `explain` returns
 */
export function makeDirectoryIn({ stub, directory, name }: NameIn, mode: number, explain: LaterCall['explain']): void {
  stub.later({ name: 'mkdirat', args: [directory, terminated(name), mode], where: String(name), explain });
}

/**
 * Makes a symbolic link, delayed to the next call. symlinkat(2)
 * @throws SYSTEM_CALL, or the error that `explain` returns
 */
export function makeLinkIn({ stub, directory, name }: NameIn, to: string, explain: LaterCall['explain']): void {
  stub.later({ name: 'symlinkat', args: [to, directory, terminated(name)], where: String(name), explain });
}

/** Makes a device. mknod(2) @throws SYSTEM_CALL with `facts.errno` EPERM where this is not allowed */
export function makeDeviceIn({ stub, directory, name }: NameIn, status: Omit<Status, 'size' | 'uid' | 'gid'>): void {
  const { kind, mode, major, minor } = status;
  const type = kind === 'block-device' ? 0o060000 : 0o020000;
  const device = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
  stub.call('mknodat', [directory, terminated(name), type | mode, device >>> 0], String(name));
}

/** Changes the owner of a name; a link is not followed. fchownat(2) @throws SYSTEM_CALL */
export function chownIn({ stub, directory, name }: NameIn, uid: number, gid: number): void {
  stub.call('fchownat', [directory, terminated(name), uid, gid, AT_SYMLINK_NOFOLLOW], String(name));
}

/** Changes the owner of an open file. fchownat(2) @param gid -1 keeps the group @throws SYSTEM_CALL */
export function chownDescriptor(stub: Stub, fd: number, uid: number, gid: number): void {
  stub.call('fchownat', [fd, '', uid, gid, AT_EMPTY_PATH]);
}

/** Changes the working directory to an open directory, delayed to the next call. fchdir(2) */
export function goTo(stub: Stub, directory: number): void {
  stub.later({ name: 'fchdir', args: [directory] });
}

/**
 * Returns the working directory's path. Outside of the root, it does not begin with `/`. getcwd(2) @throws SYSTEM_CALL
 */
export function workingDirectory(stub: Stub): string {
  const path = Buffer.alloc(PATH_MAX);
  const length = stub.call('getcwd', [{ receive: path }, path.length]);
  return path.toString('utf8', 0, Math.max(0, length - 1));
}
