import type { FileNode, LeafNode } from '../node.ts';
import type { RootfsPath } from '../path.ts';
import type { BodySource, Change } from './change.ts';

/** How leaves are placed in one plan. */
export interface LeafPlan {
  /** The first name of each node that may have several, so far. */
  readonly firstNames: Map<LeafNode, RootfsPath>;
  /** Where the content of a file comes from. */
  readonly sourceOf: (node: FileNode) => BodySource | undefined;
}

/**
 * Returns the change that gives a file, symlink or device its name: the node itself for its first name, a hard link for
 * each further one.
 */
export function placeLeaf(node: LeafNode, path: RootfsPath, { firstNames, sourceOf }: LeafPlan): Change {
  if (node.shared) {
    const target = firstNames.get(node);
    if (target !== undefined) return { kind: 'hardlink', path, target };
    firstNames.set(node, path);
  }
  const { attributes } = node;
  switch (node.kind) {
    case 'file':
      return { kind: 'file', path, attributes, source: sourceOf(node) };
    case 'symlink':
      return { kind: 'symlink', path, attributes, target: node.target };
    case 'character-device':
    case 'block-device':
    case 'fifo':
      return { kind: node.kind, path, attributes, major: node.major, minor: node.minor };
  }
}
