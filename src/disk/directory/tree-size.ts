import { lstatSync, readdirSync } from 'node:fs';
import { closeDescriptor, openDirectoryOnMount } from '../../sys/file/files.ts';

/** The unit of `blocks` in stat(2), on every file system. */
const BLOCK_BYTES = 512;

/**
 * Returns the bytes that a name and everything beneath it occupy. Holes do not count, and a file with several names
 * counts once. It goes by descriptors and follows no symlink. Files that cannot be opened count as nothing: removing
 * them gives the error.
 */
export function treeSize(directory: number, name: string): number {
  const seen = new Set<string>();
  function visit(parent: number, entry: string): number {
    const path = Buffer.from(`/proc/self/fd/${parent}/${entry}`, 'latin1');
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return 0;
    const own = stat.blocks * BLOCK_BYTES;
    if (!stat.isDirectory()) {
      if (stat.nlink === 1) return own;
      const inode = `${stat.dev}:${stat.ino}`;
      if (seen.has(inode)) return 0;
      seen.add(inode);
      return own;
    }
    const opened = openDirectoryOnMount(parent, entry);
    if (opened < 0) return own;
    try {
      return readdirSync(`/proc/self/fd/${opened}`, 'latin1').reduce((sum, each) => sum + visit(opened, each), own);
    } finally {
      closeDescriptor(opened);
    }
  }
  return visit(directory, name);
}
