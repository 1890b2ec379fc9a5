import { constants, fstatSync, lstatSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { splitDevice } from '../../linux/device/device.ts';
import type { Attributes } from '../../rootfs/node.ts';
import { pathText } from '../../rootfs/path.ts';
import { readXattrsAt } from '../../sys/file/attributes.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import type { TarEntryKind, Timestamp } from '../../tar/header.ts';
import type { TarHeaderToWrite } from '../../tar/write/encode.ts';
import { attempt, check } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';

/** A file, directory or other node on the disk. Its name is never followed. */
export interface DiskNode {
  readonly kind: Exclude<TarEntryKind, 'hardlink'> | 'socket';
  readonly attributes: Attributes;
  /** Bytes of a file, with its holes; 0 for all other kinds. */
  readonly size: number;
  /** Bytes that the node occupies on the disk. */
  readonly allocated: number;
  /** The target of a symlink, bytes (latin1); otherwise empty. */
  readonly target: string;
  readonly major: number;
  readonly minor: number;
  /** The same for all names of one file; undefined for a file with one name. */
  readonly identity: string | undefined;
}

const KINDS: ReadonlyMap<bigint, DiskNode['kind']> = new Map([
  [0o010000n, 'fifo'],
  [0o020000n, 'character-device'],
  [0o040000n, 'directory'],
  [0o060000n, 'block-device'],
  [0o100000n, 'file'],
  [0o120000n, 'symlink'],
  [0o140000n, 'socket'],
]);

/** Whether a layer keeps an extended attribute. The labels that a security module of this host gave are not kept. */
export function isLayerXattr(name: string): boolean {
  return /^(user|trusted)\./.test(name) || name === 'security.capability' || name.startsWith('system.posix_acl_');
}

function timestamp(nanoseconds: bigint): Timestamp {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}

function bytePath({ directory, name }: NameAt): Buffer {
  return Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1');
}

/** Whether two names are of one file. @param path for errors, bytes @throws FILESYSTEM */
export function areOneFile(a: NameAt, b: NameAt, path: string): boolean {
  const look = (at: NameAt) => lstatSync(bytePath(at), { bigint: true, throwIfNoEntry: false });
  const [one, other] = attempt('look at a file', pathText(path), () => [look(a), look(b)]);
  return one !== undefined && !one.isDirectory() && one.dev === other?.dev && one.ino === other.ino;
}

/**
 * Reads the node that has a name in a directory; undefined where there is none.
 * @param path for errors, bytes
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export function readNode(at: NameAt, path: string): DiskNode | undefined {
  try {
    const stat = lstatSync(bytePath(at), { bigint: true });
    const kind = KINDS.get(stat.mode & 0o170000n);
    if (kind === undefined) throw new TsimgError('FILESYSTEM', 'not a kind of file', { where: pathText(path) });
    const isDevice = kind === 'character-device' || kind === 'block-device';
    return {
      kind,
      attributes: {
        mode: Number(stat.mode & 0o7777n),
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        mtime: timestamp(stat.mtimeNs),
        xattrs: readXattrsAt(at.directory, at.name, isLayerXattr),
      },
      size: kind === 'file' ? Number(stat.size) : 0,
      allocated: Number(stat.blocks) * 512,
      target: kind === 'symlink' ? readlinkSync(bytePath(at), 'latin1') : '',
      ...(isDevice ? splitDevice(stat.rdev) : { major: 0, minor: 0 }),
      identity: kind !== 'directory' && stat.nlink > 1n ? `${stat.dev}:${stat.ino}` : undefined,
    };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw filesystemError('cannot look at a file', pathText(path), error);
  }
}

/** Returns the names in an open directory, in byte order. @throws FILESYSTEM */
export function namesIn(directory: number, path: string): readonly string[] {
  const read = () => readdirSync(`/proc/self/fd/${directory}/.`, 'latin1').sort();
  return attempt('list a directory', pathText(path), read);
}

/** Opens a directory by a name that is no symlink. The caller closes the descriptor. @throws FILESYSTEM */
export function openDirectoryAt({ directory, name }: NameAt, path: string): number {
  return check(openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY), 'open a directory', path);
}

/** Returns the tar header of a node. A socket has none. */
export function headerOf(node: DiskNode, path: string, link: string | undefined): TarHeaderToWrite {
  const { kind, attributes, size, target, major, minor } = node;
  if (kind === 'socket') throw new TypeError('a socket is no entry of an archive');
  const xattrs = new Map([...attributes.xattrs].map(([name, value]) => [name, Buffer.from(value)] as const));
  const common = { path, ...attributes, xattrs, linkPath: '', size: 0, deviceMajor: 0, deviceMinor: 0 };
  if (link !== undefined) return { ...common, kind: 'hardlink', linkPath: link, xattrs: new Map() };
  if (kind === 'directory') return { ...common, kind, path: `${path}/` };
  return { ...common, kind, size, linkPath: target, deviceMajor: major, deviceMinor: minor };
}

const CHUNK = 256 * 1024;

/**
 * Yields the first `size` bytes of a regular file, fewer if it became shorter. The owner of the directory may have
 * replaced the file: a file of another kind is refused, and opening it never waits.
 * @throws FILESYSTEM
 */
export async function* readContent(at: NameAt, path: string, size: number): AsyncGenerator<Buffer> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const fd = check(openAt(at.directory, at.name, flags), 'open a file', path);
  try {
    if (!fstatSync(fd).isFile()) {
      throw new TsimgError('FILESYSTEM', 'not a regular file any more', { where: pathText(path) });
    }
    for (let position = 0; position < size; ) {
      await setImmediate();
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - position));
      const count = attempt('read a file', pathText(path), () => readSync(fd, chunk, 0, chunk.length, position));
      if (count === 0) return;
      position += count;
      yield chunk.subarray(0, count);
    }
  } finally {
    closeDescriptor(fd);
  }
}
