import { statfsSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { childPath, pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type DiskNode, headerOf, namesIn, openDirectoryAt, readContent, readNode } from './read-node.ts';

/**
 * File systems whose content the kernel makes on reading: proc, sysfs, cgroup, cgroup2, devpts, mqueue, debugfs,
 * tracefs, securityfs, bpf.
 */
const KERNEL_TYPES: ReadonlySet<number> = new Set([
  0x9fa0, 0x6265_6572, 0x27_e0eb, 0x6367_7270, 0x1cd1, 0x1980_0202, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0xcafe_4a11,
]);
const MAX_DEPTH = 512;

/** Whether the kernel makes the content of a directory on reading: files are neither copied from there nor to there. */
export function isKernelDirectory({ directory, name }: NameAt): boolean {
  return KERNEL_TYPES.has(statfsSync(Buffer.from(`/proc/self/fd/${directory}/${name}/.`, 'latin1')).type);
}

/** The file or directory that is put into an archive. */
export interface WalkedTree {
  readonly at: NameAt;
  readonly node: DiskNode;
  /** The name of the entry at the top, bytes; `.` for a directory of which only the content is wanted. */
  readonly name: string;
}

/** A file on the way. */
interface Visited {
  readonly place: NameAt;
  readonly found: DiskNode;
  /** Its path in the archive. */
  readonly path: RootfsPath;
  readonly depth: number;
}

export interface WalkOptions {
  /** Is called for each file that is skipped, with the reason. */
  readonly onSkipped: (path: string, why: string) => void;
}

/**
 * Yields a file, or a directory with everything in it, as entries of an archive: parents first, names in byte order,
 * further names of a file as hard links to the first. Symlinks are entries and are never followed. Devices are entries
 * and are not read. Sockets, and the content of the kernel's file systems, are skipped.
 * @throws FILESYSTEM, LIMIT_EXCEEDED
 */
export async function* walkTree(
  { at, node, name }: WalkedTree,
  { onSkipped }: WalkOptions,
): AsyncGenerator<TarEntryToWrite> {
  const firstNames = new Map<string, string>();

  async function* visit({ place, found, path, depth }: Visited): AsyncGenerator<TarEntryToWrite> {
    if (depth > MAX_DEPTH) {
      const where = pathText(path.slice(0, 200));
      throw new TsimgError('LIMIT_EXCEEDED', `a path of more than ${MAX_DEPTH} directories`, { where });
    }
    if (found.kind === 'socket') return onSkipped(path, 'it is a socket');
    const link = found.identity === undefined ? undefined : firstNames.get(found.identity);
    if (found.identity !== undefined && link === undefined) firstNames.set(found.identity, path);
    const header = headerOf(found, path === ROOT_PATH ? '.' : path, link);
    if (header.size > 0) yield { header, content: readContent(place, path, header.size) };
    else yield { header };
    if (found.kind !== 'directory') return;
    const directory = openDirectoryAt(place, path);
    try {
      if (isKernelDirectory({ directory, name: '.' })) return onSkipped(path, 'it is a file system of the kernel’s');
      for (const child of namesIn(directory, path)) {
        const inside = { directory, name: child };
        const next = readNode(inside, childPath(path, child));
        if (next !== undefined)
          yield* visit({ place: inside, found: next, path: childPath(path, child), depth: depth + 1 });
      }
    } finally {
      closeDescriptor(directory);
    }
  }

  const path = name === '.' ? ROOT_PATH : childPath(ROOT_PATH, name);
  yield* visit({ place: at, found: node, path, depth: 1 });
}
