import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { nameInPool } from '../../rootfs/body.ts';
import { INTENDED } from '../../rootfs/fold/intended.ts';
import { ROOTLESS_OWNER } from '../../rootfs/fold/rootless-owner.ts';
import type { Attributes, DirectoryNode, FileNode, TreeNode } from '../../rootfs/node.ts';
import { pathText, type RootfsPath } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { attempt, check } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import type { AuthoredNode, TreeForm } from './authored-node.ts';
import { isLayerXattr } from './read-node.ts';

/** The tree that a directory is compared with: an image's. */
export interface BaseTree {
  readonly root: DirectoryNode;
  /** The directory that holds the content of its files, under their numbers. */
  readonly pool: string;
}

/** The xattrs of a node of the image that the disk can have in this form. */
function comparable(xattrs: Attributes['xattrs'], { owners, records }: TreeForm): Attributes['xattrs'] {
  const isThere = (name: string) => {
    if (!isLayerXattr(name)) return false;
    if (records && (name === ROOTLESS_OWNER || name === INTENDED || name.startsWith('trusted.'))) return false;
    return owners !== 'recorded' || !name.startsWith('security.');
  };
  return new Map([...xattrs].filter(([name]) => isThere(name)));
}

function sameXattrs(one: Attributes['xattrs'], other: Attributes['xattrs']): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([name, value]) => {
    const found = other.get(name);
    return found !== undefined && Buffer.from(found).equals(value);
  });
}

/**
 * Whether a node of the disk has the attributes of a node of the image, as far as the form of the tree can hold them.
 */
export function sameNode(node: AuthoredNode, before: TreeNode, form: TreeForm, withTime: boolean): boolean {
  const { attributes: one } = node;
  const { attributes: other } = before;
  if (node.kind !== before.kind) return false;
  if (node.kind !== 'symlink' && one.mode !== other.mode) return false;
  const hasOwner = form.owners !== 'recorded' || node.recordable;
  if (hasOwner && (one.uid !== other.uid || one.gid !== other.gid)) return false;
  if (!sameXattrs(comparable(one.xattrs, form), comparable(other.xattrs, form))) return false;
  const isSameTime = one.mtime.seconds === other.mtime.seconds && one.mtime.nanoseconds === other.mtime.nanoseconds;
  if (withTime && !isSameTime) return false;
  switch (before.kind) {
    case 'directory':
      return true;
    case 'file':
      return node.size === before.size;
    case 'symlink':
      return node.target === before.target;
    default:
      return node.major === before.major && node.minor === before.minor;
  }
}

const CHUNK_BYTES = 1024 * 1024;

/** Reads until the buffer is full or the file ends; returns the bytes. */
function fill(fd: number, buffer: Buffer, position: number): number {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/**
 * Whether a file on the disk has the content of a file of the image. All bytes are compared: a time proves nothing.
 * @throws FILESYSTEM
 */
export async function sameContent(at: NameAt, path: RootfsPath, before: FileNode, pool: string): Promise<boolean> {
  if (before.body === undefined) return true;
  const place = join(pool, nameInPool(before.body));
  const mine = check(openAt(at.directory, at.name, constants.O_RDONLY | constants.O_NONBLOCK), 'open a file', path);
  try {
    const stored = openSync(Buffer.from(place, 'latin1'), constants.O_RDONLY);
    try {
      const [one, other] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
      for (let position = 0; position < before.size; position += CHUNK_BYTES) {
        await setImmediate();
        const counts = attempt('read a file', pathText(path), () => [
          fill(mine, one, position),
          fill(stored, other, position),
        ]);
        if (counts[0] !== counts[1]) return false;
        if (!one.subarray(0, counts[0]).equals(other.subarray(0, counts[1]))) return false;
      }
      return true;
    } finally {
      closeSync(stored);
    }
  } finally {
    closeDescriptor(mine);
  }
}
