import { constants } from 'node:fs';
import { errnoOf } from '../../../errors.ts';
import { O_CLOEXEC, type OpenInRoot, undisturbed } from '../../file/open-how.ts';
import type { Call } from '../request.ts';
import { callError, errnoName, type LaterCall, type Stub, stubIsGone } from '../stub.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  chownCall,
  closeCall,
  type Descriptor,
  type DeviceStatus,
  descriptorOf,
  fileSystemCall,
  goToCall,
  makeDeviceCall,
  makeDirectoryCall,
  makeFileCall,
  makeLinkCall,
  openInRootCall,
  openPathCall,
  parseStatus,
  STATX_BASIC_STATS,
  STATX_SIZE,
  type Status,
  statusCall,
  terminated,
} from './file-calls.ts';

// Calls on files by a stub: descriptors are the stub's, and paths are resolved from its root and working directory.
// Flags and structures are the same on x86-64 and arm64, except for O_DIRECTORY and O_NOFOLLOW, which Node knows.

const CHUNK = 64 * 1024;
const PATH_MAX = 4096;

/** Opens a path of the stub's. openat(2) @throws SYSTEM_CALL */
export function openPath(stub: Stub, path: string | Uint8Array, flags: number): number {
  return stub.call('openat', openPathCall(path, flags).args, String(path));
}

/**
 * Opens a path inside of a root, as `openHowInRoot` says. openat2(2), Linux 5.6.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function openInRoot(stub: Stub, rootFd: number, path: string | Uint8Array, options: OpenInRoot): number {
  const { args } = openInRootCall(rootFd, path, options);
  return undisturbed(() => stub.call('openat2', args, String(path)));
}

/** A file that is open in a stub. */
export interface OpenedFile {
  readonly fd: number;
  readonly status: Status;
}

/** As `openInRoot`, and reads the file's status, by one request. @throws as `openInRoot` */
export function openWithStatus(stub: Stub, rootFd: number, path: string, options: OpenInRoot): OpenedFile {
  const open = openInRootCall(rootFd, path, options);
  const { call, read } = statusCall(open);
  return undisturbed(() => {
    const performed = stub.perform([open, call]);
    if (performed === undefined) throw stubIsGone();
    const { result, results } = performed;
    if (result < 0) throw callError(performed.call === 0 ? open.name : call.name, result, path);
    return { fd: results[0] ?? -1, status: read() };
  });
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

/** Returns the status of an open file. statx(2) @throws SYSTEM_CALL */
export function statusOf(stub: Stub, fd: number): Status {
  const { call, read } = statusCall(fd);
  stub.call(call.name, call.args);
  return read();
}

const NOT_THERE = ['ENOENT', 'ENOTDIR', 'EACCES'];
const ENOENT = -2;
/** A request must fit in the stub's memory: a PATH can have thousands of directories. */
const MOST_PATHS = 32;

/** Returns those of some paths that exist and may be searched. @throws SYSTEM_CALL for other errors */
export function whichThere(stub: Stub, paths: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let rest = paths; rest.length > 0; ) {
    // Several in one request, up to the first one that is missing in another way.
    const asked = rest.slice(0, MOST_PATHS);
    const expected = { result: ENOENT, skip: 0 };
    const status = { receive: Buffer.alloc(STATX_SIZE) };
    const performed = stub.perform(
      asked.map((path) => ({ name: 'statx', args: [AT_FDCWD, path, 0, 0, status], expected })),
    );
    if (performed === undefined) throw stubIsGone();
    const { call, result, results } = performed;
    found.push(...asked.filter((_, index) => (results[index] ?? -1) >= 0));
    const where = asked[call];
    if (result < 0 && !NOT_THERE.includes(errnoName(result))) throw callError('statx', result, where);
    rest = rest.slice(call + 1);
  }
  return found;
}

/** Returns the type number of the file system that an open file is on. statfs(2) @throws SYSTEM_CALL */
export function fileSystemOf(stub: Stub, fd: number): number {
  const { call, read } = fileSystemCall(fd);
  stub.call(call.name, call.args);
  return read();
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
  /** The name as the file system has it: it may be no UTF-8. */
  readonly bytes: Uint8Array;
  readonly kind: 'directory' | 'character-device' | 'block-device' | 'other';
}

const ENTRY_KINDS: ReadonlyMap<number, DirectoryEntry['kind']> = new Map([
  [2, 'character-device'],
  [4, 'directory'],
  [6, 'block-device'],
]);

function parseEntries(buffer: Buffer, size: number): readonly DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < size; at += buffer.readUInt16LE(at + 16)) {
    const end = buffer.indexOf(0, at + 19);
    const name = buffer.toString('utf8', at + 19, end);
    if (name === '.' || name === '..') continue;
    const bytes = Buffer.from(buffer.subarray(at + 19, end));
    entries.push({ name, bytes, kind: ENTRY_KINDS.get(buffer[at + 18] ?? 0) ?? 'other' });
  }
  return entries;
}

/** Reads the entries of a directory that was opened with O_PATH. getdents(2) @throws SYSTEM_CALL */
export function readDirectory(stub: Stub, directory: number): readonly DirectoryEntry[] {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC;
  const open: Call = { name: 'openat', args: [directory, '.', flags, 0] };
  const buffers = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
  const read = (fd: Descriptor) =>
    buffers.map((receive): Call => ({ name: 'getdents64', args: [descriptorOf(fd), { receive }, receive.length] }));
  const entries: DirectoryEntry[] = [];
  // Most directories are read by one request, with the end that the second call finds.
  for (let fd: Descriptor = open; ; ) {
    const performed = stub.perform(typeof fd === 'number' ? read(fd) : [fd, ...read(fd)]);
    if (performed === undefined) throw stubIsGone();
    const { result, results } = performed;
    if (result < 0) throw callError(performed.call === 0 ? 'openat' : 'getdents64', result);
    const opened: number = typeof fd === 'number' ? fd : (results[0] ?? -1);
    results.slice(-buffers.length).forEach((count = 0, index) => {
      entries.push(...parseEntries(buffers[index] ?? Buffer.alloc(0), count));
    });
    if (result === 0) {
      stub.later(closeCall(opened));
      return entries;
    }
    fd = opened;
  }
}

/** A name in an open directory of a stub. */
export interface NameIn {
  readonly stub: Stub;
  readonly directory: number;
  /** Text, or bytes without a final NUL. */
  readonly name: string | Uint8Array;
}

/** Returns the status of a name, also that of a link; undefined where it is missing. statx(2) @throws SYSTEM_CALL */
export function statusIn({ stub, directory, name }: NameIn): Status | undefined {
  const status = Buffer.alloc(STATX_SIZE);
  const args = [directory, terminated(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, { receive: status }];
  try {
    stub.call('statx', args, String(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseStatus(status);
}

// The functions below make files with the given mode, for a stub's umask is 0 while it prepares a container. None of
// them follows links.

/** Makes a file with a content; it must not exist. @throws SYSTEM_CALL */
export function makeFile({ stub, directory, name }: NameIn, mode: number, content: Uint8Array): void {
  const fd = stub.call('openat', makeFileCall(directory, name, mode).args, String(name));
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
  stub.later({ ...makeDirectoryCall(directory, name, mode), where: String(name), explain });
}

/**
 * Makes a symbolic link, delayed to the next call. symlinkat(2)
 * @throws SYSTEM_CALL, or the error that `explain` returns
 */
export function makeLinkIn({ stub, directory, name }: NameIn, to: string, explain: LaterCall['explain']): void {
  stub.later({ ...makeLinkCall(directory, name, to), where: String(name), explain });
}

/** Makes a device. mknod(2) @throws SYSTEM_CALL with `facts.errno` EPERM where this is not allowed */
export function makeDeviceIn({ stub, directory, name }: NameIn, status: DeviceStatus): void {
  stub.call('mknodat', makeDeviceCall(directory, name, status).args, String(name));
}

/** Changes the owner of a name; a link is not followed. fchownat(2) @throws SYSTEM_CALL */
export function chownIn({ stub, directory, name }: NameIn, uid: number, gid: number): void {
  stub.call('fchownat', chownCall(directory, name, { uid, gid }).args, String(name));
}

/** Changes the owner of an open file. fchownat(2) @param gid -1 keeps the group @throws SYSTEM_CALL */
export function chownDescriptor(stub: Stub, fd: number, uid: number, gid: number): void {
  stub.call('fchownat', [fd, '', uid, gid, AT_EMPTY_PATH]);
}

/** As `chownDescriptor`, delayed to the next call. */
export function chownDescriptorLater(stub: Stub, fd: number, uid: number, gid: number): void {
  stub.later({ name: 'fchownat', args: [fd, '', uid, gid, AT_EMPTY_PATH] });
}

/** Changes the working directory to an open directory, delayed to the next call. fchdir(2) */
export function goTo(stub: Stub, directory: number): void {
  stub.later(goToCall(directory));
}

/**
 * Returns the working directory's path. Outside of the root, it does not begin with `/`. getcwd(2) @throws SYSTEM_CALL
 */
export function workingDirectory(stub: Stub): string {
  const path = Buffer.alloc(PATH_MAX);
  const length = stub.call('getcwd', [{ receive: path }, path.length]);
  return path.toString('utf8', 0, Math.max(0, length - 1));
}
