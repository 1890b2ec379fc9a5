import { statfsSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { childPath, pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type DiskNode, headerOf, namesIn, openDirectoryAt, readContent, readNode } from './read-node.ts';

/** File systems whose files are questions to the kernel: proc, sysfs, cgroup, cgroup2, devpts, mqueue, debugfs, tracefs, securityfs, bpf. */
const KERNEL_TYPES: ReadonlySet<number> = new Set([
  0x9fa0, 0x6265_6572, 0x27_e0eb, 0x6367_7270, 0x1cd1, 0x1980_0202, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0xcafe_4a11,
]);
const MAX_DEPTH = 512;

/** Whether what lies in a directory is made by the kernel as it is read: nothing is copied from there, or to there. */
export function isKernelDirectory({ directory, name }: NameAt): boolean {
  return KERNEL_TYPES.has(statfsSync(Buffer.from(`/proc/self/fd/${directory}/${name}/.`, 'latin1')).type);
}

export interface WalkOptions {
  /** Is told of what is passed over, and why. */
  readonly onSkipped: (path: string, why: string) => void;
}

/**
 * A file or a directory with all in it as entries of an archive: parents first, names in byte order, further names of a file as
 * hard links to the first. Symlinks are entries, never followed; sockets, and what the kernel's file systems show, are passed
 * over; devices are entries, and not read.
 * @param name of the entry at the top, bytes; `.` for one of which only what is inside is meant
 * @throws FILESYSTEM, LIMIT_EXCEEDED
 */
export async function* walkTree(
  at: NameAt,
  node: DiskNode,
  name: string,
  { onSkipped }: WalkOptions,
): AsyncGenerator<TarEntryToWrite> {
  const firstNames = new Map<string, string>();

  async function* visit(
    place: NameAt,
    found: DiskNode,
    path: RootfsPath,
    depth: number,
  ): AsyncGenerator<TarEntryToWrite> {
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
        if (next !== undefined) yield* visit(inside, next, childPath(path, child), depth + 1);
      }
    } finally {
      closeDescriptor(directory);
    }
  }

  yield* visit(at, node, name === '.' ? ROOT_PATH : childPath(ROOT_PATH, name), 1);
}
