import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { DirectoryNode } from '../../rootfs/node.ts';
import { attempt } from '../directory/check.ts';
import type { BaseTree } from './base-tree.ts';

// A process that has the IDs of a container compares its files, and the caller's process has the image: the tree goes
// from one to the other by a file. All names of a hard-linked file share one node, on both sides.

/** Beside the contents, whose names are numbers. */
const NAME = 'tree';

/** Writes the tree into the directory of its contents, for `readPassedBase`. @throws FILESYSTEM */
export function passBase({ root, pool }: BaseTree): void {
  const path = join(pool, NAME);
  attempt('keep the tree of an image', path, () => writeFileSync(path, serialize(root), { mode: 0o600, flag: 'wx' }));
}

/** Reads what `passBase` of a process of the same user wrote. @throws FILESYSTEM */
export function readPassedBase(pool: string): BaseTree {
  const path = join(pool, NAME);
  const root: DirectoryNode = attempt('read the tree of an image', path, () => deserialize(readFileSync(path)));
  return { root, pool };
}
