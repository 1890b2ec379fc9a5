import { lstatSync, readdirSync } from 'node:fs';
import { closeDescriptor, openDirectoryOnMount } from '../../sys/file/files.ts';

/** stat(2): what `blocks` counts, whatever the file system's own unit. */
const BLOCK_BYTES = 512;

/**
 * Bytes that a name and all beneath it occupy: holes do not count, several names of a file count once. Goes by descriptors
 * and follows no symlink. What cannot be opened, or is not there, counts as nothing: removing it tells why.
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
