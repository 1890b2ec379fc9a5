import { constants } from 'node:fs';
import { O_CLOEXEC, type OpenInRoot, openHowInRoot } from '../../file/open-how.ts';
import type { Call, ResultOf } from '../request.ts';

// Calls on files, for a request of several: a call may use the descriptor that an earlier one opens.

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EMPTY_PATH = 0x1000;
export const [STATX_BASIC_STATS, STATX_SIZE] = [0x7ff, 256];
const S_IFMT = 0o170000;

/** The call that leaves a directory, so that no mount is kept busy. chdir(2) */
export const LEAVE: Call = { name: 'chdir', args: ['/'] };

/** A descriptor of a stub, or the call of the same request that opens it. */
export type Descriptor = number | Call;

/** The argument that stands for a descriptor. */
export function descriptorOf(descriptor: Descriptor): number | ResultOf {
  return typeof descriptor === 'number' ? descriptor : { resultOf: descriptor };
}

/** Ends a path of bytes with NUL; a string gets its NUL when the request is encoded. */
export function terminated(path: string | Uint8Array): string | Uint8Array {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)]);
}

/** The call that opens a path of the stub's. openat(2) */
export function openPathCall(path: string | Uint8Array, flags: number): Call {
  return { name: 'openat', args: [AT_FDCWD, terminated(path), flags | O_CLOEXEC, 0] };
}

/** The call that opens a path inside of a root, as `openHowInRoot` says. openat2(2), Linux 5.6 */
export function openInRootCall(root: Descriptor, path: string | Uint8Array, options: OpenInRoot): Call {
  const how = openHowInRoot(options);
  return { name: 'openat2', args: [descriptorOf(root), terminated(path), how, how.length] };
}

/** The call that closes a descriptor. close(2) */
export function closeCall(descriptor: Descriptor): Call {
  return { name: 'close', args: [descriptorOf(descriptor)] };
}

/** The call that changes the working directory to an open one. fchdir(2) */
export function goToCall(directory: Descriptor): Call {
  return { name: 'fchdir', args: [descriptorOf(directory)] };
}

export interface Status {
  readonly kind: 'file' | 'link' | 'directory' | 'character-device' | 'block-device' | 'other';
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
  [0o120000, 'link'],
  [0o040000, 'directory'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
]);

export function parseStatus(status: Buffer): Status {
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

/** The call that reads the status of an open file, and what it has read once it was made. statx(2) */
export function statusCall(descriptor: Descriptor): { readonly call: Call; read(): Status } {
  const status = Buffer.alloc(STATX_SIZE);
  const args = [descriptorOf(descriptor), '', AT_EMPTY_PATH, STATX_BASIC_STATS, { receive: status }];
  return { call: { name: 'statx', args }, read: () => parseStatus(status) };
}

/** The call that finds the file system that an open file is on, and its type number once it was made. statfs(2) */
export function fileSystemCall(descriptor: Descriptor): { readonly call: Call; read(): number } {
  const status = Buffer.alloc(120);
  const call: Call = { name: 'fstatfs', args: [descriptorOf(descriptor), { receive: status }] };
  return { call, read: () => Number(status.readBigInt64LE(0)) };
}

/** The call that writes to an open file; it may write less. write(2) */
export function writeCall(descriptor: Descriptor, bytes: Uint8Array): Call {
  return { name: 'write', args: [descriptorOf(descriptor), bytes, bytes.length] };
}

/** The call that makes a file, open for writing; it must not exist. open(2) */
export function makeFileCall(directory: Descriptor, name: string | Uint8Array, mode: number): Call {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
  return { name: 'openat', args: [descriptorOf(directory), terminated(name), flags, mode] };
}

/** A device to make. */
export type DeviceStatus = Omit<Status, 'size' | 'uid' | 'gid'>;

/** The call that makes a device. mknod(2) */
export function makeDeviceCall(directory: Descriptor, name: string | Uint8Array, status: DeviceStatus): Call {
  const { kind, mode, major, minor } = status;
  const type = kind === 'block-device' ? 0o060000 : 0o020000;
  const device = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
  return { name: 'mknodat', args: [descriptorOf(directory), terminated(name), type | mode, device >>> 0] };
}

/** The call that makes a directory. mkdirat(2) */
export function makeDirectoryCall(directory: Descriptor, name: string | Uint8Array, mode: number): Call {
  return { name: 'mkdirat', args: [descriptorOf(directory), terminated(name), mode] };
}

/** The call that makes a symbolic link. symlinkat(2) */
export function makeLinkCall(directory: Descriptor, name: string | Uint8Array, to: string): Call {
  return { name: 'symlinkat', args: [to, descriptorOf(directory), terminated(name)] };
}

/** The call that changes the owner of a name; a link is not followed. fchownat(2) */
export function chownCall(
  directory: Descriptor,
  name: string | Uint8Array,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Call {
  return { name: 'fchownat', args: [descriptorOf(directory), terminated(name), uid, gid, AT_SYMLINK_NOFOLLOW] };
}
