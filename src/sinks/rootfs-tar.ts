import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { nameInPool } from '../rootfs/body.ts';
import { type Attributes, IMPLIED_ATTRIBUTES, type LeafNode, type TreeNode } from '../rootfs/node.ts';
import { ROOT_PATH, type RootfsPath } from '../rootfs/path.ts';
import { entriesOf, type Tree } from '../rootfs/tree.ts';
import type { TarHeaderToWrite } from '../tar/write/encode.ts';
import type { TarEntryToWrite } from '../tar/write/tar-chunks.ts';

function headerOf(node: TreeNode, path: string, link: string | undefined): TarHeaderToWrite {
  const { mode, uid, gid, mtime } = node.attributes;
  const xattrs = new Map([...node.attributes.xattrs].map(([name, value]) => [name, Buffer.from(value)] as const));
  const common = { path, mode, uid, gid, mtime, xattrs, linkPath: '', size: 0, deviceMajor: 0, deviceMinor: 0 };
  if (link !== undefined) return { ...common, kind: 'hardlink', linkPath: link, xattrs: new Map() };
  switch (node.kind) {
    case 'directory':
      return { ...common, kind: node.kind, path: `${path}/` };
    case 'file':
      return { ...common, kind: node.kind, size: node.size };
    case 'symlink':
      return { ...common, kind: node.kind, linkPath: node.target };
    case 'character-device':
    case 'block-device':
    case 'fifo':
      return { ...common, kind: node.kind, deviceMajor: node.major, deviceMinor: node.minor };
  }
}

/** Whether the attributes are the default ones: no layer describes the root. */
function isImplied({ mode, uid, gid, mtime, xattrs }: Attributes): boolean {
  const { seconds, nanoseconds } = mtime;
  return (
    mode === IMPLIED_ATTRIBUTES.mode && [uid, gid, seconds, nanoseconds, xattrs.size].every((value) => value === 0)
  );
}

/**
 * Yields a root filesystem as the entries of one tar, as `docker export` writes it: parents before children, names in
 * byte order, further names of a file as hard links to the first. The root itself is an entry when a layer describes
 * it.
 * @param pool the directory that holds the bodies of files under their numbers
 */
export function* rootfsEntries(tree: Tree, pool: string): Generator<TarEntryToWrite, void, undefined> {
  const firstNames = new Map<LeafNode, RootfsPath>();
  for (const { path, node } of entriesOf(tree)) {
    if (path === ROOT_PATH) {
      if (!isImplied(node.attributes)) yield { header: headerOf(node, '.', undefined) };
      continue;
    }
    const link = node.kind === 'directory' ? undefined : firstNames.get(node);
    const header = headerOf(node, path, link);
    if (node.kind !== 'directory' && link === undefined) firstNames.set(node, path);
    if (node.kind !== 'file' || link !== undefined || node.body === undefined) yield { header };
    else yield { header, content: createReadStream(join(pool, nameInPool(node.body))) };
  }
}
