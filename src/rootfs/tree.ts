import { TsimgError } from '../errors.ts';
import { type DirectoryNode, directoryNode, IMPLIED_ATTRIBUTES, type TreeNode } from './node.ts';
import { childPath, ROOT_PATH, type RootfsPath } from './path.ts';

/** Each takes some 330 bytes of memory (measured): 1.3 GB. Images of a million files are rare. */
export const DEFAULT_MAX_ENTRIES = 4_000_000;
/** Each level needs an open descriptor while the tree is made; trees of 50 levels are rare. */
const DEFAULT_MAX_DEPTH = 512;

export interface TreeLimits {
  /** Names that the layers of one image may make, replaced ones included. */
  readonly maxEntries?: number | undefined;
  /** Components of one path, after links are followed. */
  readonly maxDepth?: number | undefined;
}

/** A node with its place in the tree. */
export interface TreeEntry {
  /** Relative to the root, without a leading slash; '' is the root. Bytes, one for each character (latin1). */
  readonly path: RootfsPath;
  /** The file itself; two names of a hard-linked file have the same node. */
  readonly node: TreeNode;
}

/**
 * The root filesystem in memory: names and attributes, no content. Mutable on purpose: each layer is applied to the
 * result of the layers below.
 */
export class Tree {
  readonly root: DirectoryNode = directoryNode(IMPLIED_ATTRIBUTES, 0);
  readonly maxDepth: number;
  readonly #maxEntries: number;
  #names = 0;

  constructor({ maxEntries = DEFAULT_MAX_ENTRIES, maxDepth = DEFAULT_MAX_DEPTH }: TreeLimits = {}) {
    this.maxDepth = maxDepth;
    this.#maxEntries = maxEntries;
  }

  /**
   * Puts a node under a name, in place of an existing one.
   * @throws LIMIT_EXCEEDED when too many names were made, replaced ones included
   */
  put(parent: DirectoryNode, name: string, node: TreeNode): void {
    this.#names += 1;
    if (this.#names > this.#maxEntries) {
      throw new TsimgError('LIMIT_EXCEEDED', 'the image has too many files', {
        why: `more than ${this.#maxEntries} names, directories that only paths imply among them`,
        hint: 'raise the limit with --max-entries if you trust where it comes from',
        facts: { maximum: this.#maxEntries, option: '--max-entries' },
      });
    }
    parent.children.set(name, node);
  }
}

/** Returns the children of a directory in byte order of their names, so that equal trees are walked equally. */
export function sortedChildren(directory: DirectoryNode): readonly (readonly [string, TreeNode])[] {
  return [...directory.children].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** Yields all nodes, parents before children, the root first, names in byte order. */
export function* entriesOf(tree: Tree): Generator<TreeEntry> {
  const pending: TreeEntry[] = [{ path: ROOT_PATH, node: tree.root }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    yield entry;
    if (entry.node.kind !== 'directory') continue;
    for (const [name, node] of sortedChildren(entry.node).toReversed()) {
      pending.push({ path: childPath(entry.path, name), node });
    }
  }
}
