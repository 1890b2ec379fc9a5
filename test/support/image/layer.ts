import { applyLayer } from '../../../src/rootfs/fold/apply.ts';
import type { LayerEntry } from '../../../src/rootfs/fold/outcome.ts';
import type { TreeNode } from '../../../src/rootfs/node.ts';
import { policyOf } from '../../../src/rootfs/policy.ts';
import { newTolerated, type Tolerated } from '../../../src/rootfs/tolerated.ts';
import { entriesOf, Tree } from '../../../src/rootfs/tree.ts';
import type { TarEntryKind, TarHeader } from '../../../src/tar/header.ts';

// Layers as lists of headers, and the trees that they fold into as lists of lines: the fold needs no bytes.

type Extra = Partial<Omit<TarHeader, 'kind' | 'path'>>;

let bodies = 0;

export function entry(kind: TarEntryKind, path: string, extra: Extra = {}): LayerEntry {
  const header: TarHeader = {
    kind,
    path,
    linkPath: '',
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: kind === 'file' ? 1 : 0,
    mtime: { seconds: 1000, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    offset: 0,
    ...extra,
  };
  bodies += 1;
  return { header, body: header.size > 0 ? { bucket: undefined, name: String(bodies) } : undefined };
}

/** Makes a file. `mark` becomes its size, so that a test can tell two files of one name apart. */
export const file = (path: string, mark = 1, extra: Extra = {}) => entry('file', path, { size: mark, ...extra });
export const dir = (path: string, extra: Extra = {}) => entry('directory', path, extra);
export const symlink = (path: string, linkPath: string) => entry('symlink', path, { linkPath });
export const hardlink = (path: string, linkPath: string) => entry('hardlink', path, { linkPath });
/** Makes an empty file, as whiteouts and opaque markers are. */
export const marker = (path: string) => file(path, 0);

export function tolerated(): Tolerated {
  return newTolerated(policyOf('warn'));
}

/** Folds layers, base first, into a tree. */
export function fold(...layers: readonly (readonly LayerEntry[])[]): Tree {
  const tree = new Tree();
  const counts = tolerated();
  for (const [ordinal, entries] of layers.entries()) applyLayer(tree, { entries, ordinal }, counts);
  return tree;
}

function formatNode(node: TreeNode): string {
  switch (node.kind) {
    case 'directory':
      return '/';
    case 'file':
      return ` ${node.size}`;
    case 'symlink':
      return ` -> ${node.target}`;
    default:
      return ` ${node.kind} ${node.major}:${node.minor}`;
  }
}

/**
 * Returns the tree below its root, a line for each name: `etc/`, `etc/motd 12`, `bin -> usr/bin`. A further name of a
 * file has ` = ` and the file's first name.
 */
export function lines(tree: Tree): readonly string[] {
  const names = new Map<TreeNode, string>();
  const found: string[] = [];
  for (const { path, node } of entriesOf(tree)) {
    if (path === '') continue;
    const first = names.get(node);
    found.push(first === undefined ? `${path}${formatNode(node)}` : `${path} = ${first}`);
    names.set(node, first ?? path);
  }
  return found;
}

/** Returns the node at a path of the tree. */
export function nodeAt(tree: Tree, path: string): TreeNode {
  for (const found of entriesOf(tree)) if (found.path === path) return found.node;
  throw new Error(`the tree has no ${path}`);
}
