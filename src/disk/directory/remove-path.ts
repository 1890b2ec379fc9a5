import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { O_CLOEXEC, O_PATH } from '../../sys/file/open-how.ts';
import { attempt } from './check.ts';
import { removeTree } from './remove-tree.ts';
import { treeSize } from './tree-size.ts';

/** Tries, and milliseconds between them: processes of a killed container still write for a moment. */
const TRIES = 4;
const PAUSE = 50;

/**
 * Removes a path and everything beneath it; resolves with the bytes that it occupied. Its last name must be ASCII.
 * @throws FILESYSTEM
 */
export async function removePath(path: string): Promise<number> {
  const parent = attempt('open a directory', dirname(path), () =>
    openSync(dirname(path), O_PATH | constants.O_DIRECTORY | O_CLOEXEC),
  );
  try {
    const bytes = treeSize(parent, basename(path));
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        removeTree(parent, basename(path), path);
        return bytes;
      } catch (error) {
        if (left === 0) throw error;
      }
      await sleep(PAUSE);
    }
  } finally {
    closeSync(parent);
  }
}
