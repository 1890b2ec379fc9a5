import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { bind } from '../../../src/sys/libc.ts';

// A directory as lines that can be compared: all that a root filesystem is, names and targets as bytes (latin1).

const llistxattr = bind<[Buffer, Buffer, number]>('long llistxattr(const uint8_t *, uint8_t *, size_t)');
const lgetxattr = bind<[Buffer, Buffer, Buffer, number]>(
  'long lgetxattr(const uint8_t *, const uint8_t *, uint8_t *, size_t)',
);

export interface SnapshotLine {
  readonly kind: string;
  /** Permission bits, octal. */
  readonly mode: string;
  readonly owner: string;
  readonly size: bigint;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** The content's sha256, a symlink's target, a device's numbers. */
  readonly content: string;
  /** Names that are the same file. */
  readonly links: bigint;
  /** The first of its names in byte order. */
  readonly first: string;
  /** `name=hex`, sorted. */
  readonly xattrs: readonly string[];
}

export type Snapshot = ReadonlyMap<string, SnapshotLine>;

const ALL: ReadonlySet<string> = new Set();

/** All below a directory but these paths, and the directory itself as ''. Follows nothing. */
export function snapshot(root: string, without = ALL): Snapshot {
  const lines = new Map<string, SnapshotLine>();
  const firsts = new Map<string, string>();
  const visit = (path: string): void => {
    const full = Buffer.from(`${Buffer.from(root).toString('latin1')}${path === '' ? '' : `/${path}`}`, 'latin1');
    const stat = lstatSync(full, { bigint: true });
    const kind = kindOf(stat.mode);
    const key = `${stat.dev}:${stat.ino}`;
    const first = firsts.get(key) ?? path;
    firsts.set(key, first);
    // busybox has some hundred names
    const known = lines.get(first);
    const content = known?.kind === 'file' ? known.content : contentOf(full, kind, stat.rdev);
    lines.set(path, {
      kind,
      mode: (stat.mode & 0o7777n).toString(8).padStart(4, '0'),
      owner: `${stat.uid}:${stat.gid}`,
      size: kind === 'directory' ? 0n : stat.size,
      mtime: stat.mtimeNs,
      content,
      links: kind === 'directory' ? 0n : stat.nlink,
      first: kind === 'directory' ? path : first,
      xattrs: xattrsOf(full),
    });
    if (kind !== 'directory') return;
    for (const name of readdirSync(full, 'latin1').sort()) {
      const below = path === '' ? name : `${path}/${name}`;
      if (!without.has(below)) visit(below);
    }
  };
  visit('');
  return lines;
}

/** Where two snapshots differ, a line for each name and field; empty for equal ones. */
export function differences(found: Snapshot, expected: Snapshot): readonly string[] {
  const lines: string[] = [];
  for (const path of new Set([...found.keys(), ...expected.keys()])) {
    const [left, right] = [found.get(path), expected.get(path)];
    if (left === undefined || right === undefined) {
      lines.push(`${path || '.'}: ${left === undefined ? 'missing' : 'too much'}`);
      continue;
    }
    for (const [field, value] of Object.entries(left)) {
      const other: unknown = Object.entries(right).find(([name]) => name === field)?.[1];
      if (String(value) !== String(other)) lines.push(`${path || '.'}: ${field} ${value}, expected ${other}`);
    }
  }
  return lines;
}

function kindOf(mode: bigint): string {
  const kinds: Readonly<Record<string, string>> = {
    '1': 'fifo',
    '2': 'character-device',
    '4': 'directory',
    '6': 'block-device',
    '8': 'file',
    '10': 'symlink',
    '12': 'socket',
  };
  return kinds[String((mode & 0o170000n) >> 12n)] ?? 'unknown';
}

/** The kernel would give zeroed memory for each large file. */
const piece = Buffer.alloc(256 * 1024);

function contentOf(path: Buffer, kind: string, device: bigint): string {
  if (kind === 'symlink') return readlinkSync(path, 'latin1');
  if (kind.endsWith('device')) return `device ${device}`;
  if (kind !== 'file') return '';
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    for (let length = readSync(descriptor, piece); length > 0; length = readSync(descriptor, piece)) {
      hash.update(piece.subarray(0, length));
    }
    return hash.digest('hex');
  } finally {
    closeSync(descriptor);
  }
}

/** As much as the kernel gives; used again and again, as a snapshot asks for thousands. */
const list = Buffer.alloc(65536);
const value = Buffer.alloc(65536);

function xattrsOf(path: Buffer): readonly string[] {
  const name = Buffer.concat([path, Buffer.alloc(1)]);
  const length = llistxattr(name, list, list.length);
  if (length < 0) throw new Error(`cannot list the xattrs of ${path.toString('latin1')}`);
  const names = list.toString('latin1', 0, length).split('\0').filter(Boolean);
  return names.sort().map((attribute) => {
    const size = lgetxattr(name, Buffer.from(`${attribute}\0`, 'latin1'), value, value.length);
    return `${attribute}=${value.toString('hex', 0, Math.max(size, 0))}`;
  });
}
