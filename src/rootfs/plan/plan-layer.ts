import type { LayerOutcome } from '../fold/outcome.ts';
import type { DirectoryNode, FileNode, TreeNode } from '../node.ts';
import { childPath, ROOT_PATH, type RootfsPath } from '../path.ts';
import { sortedChildren, type Tree } from '../tree.ts';
import { Buckets } from './buckets.ts';
import type { BodySource, Change } from './change.ts';
import { type LeafPlan, placeLeaf } from './place-leaf.ts';

type Pending =
  | { readonly step: 'enter'; readonly path: RootfsPath; readonly node: TreeNode }
  | { readonly step: 'leave'; readonly path: RootfsPath; readonly node: DirectoryNode }
  | { readonly step: 'hide'; readonly path: RootfsPath };

/**
 * Yields the changes that make the overlay form of the last applied layer: the nodes that it wrote, the directories
 * above them with their attributes in the merged tree, and whiteouts and opaque marks of overlayfs. To be called before
 * the next layer is applied.
 */
export function* planLayer(tree: Tree, outcome: LayerOutcome): Generator<Change> {
  const { ordinal } = outcome;
  const touched = outcome.copies.size === 0 ? outcome.touched : directoriesOf(tree, ordinal, outcome.touched);
  const leaves: LeafPlan = { firstNames: new Map(), sourceOf: (node) => bodySource(node, outcome) };
  const buckets = new Buckets();
  const isPooled = (node: FileNode) => node.layer === ordinal && !outcome.copies.has(node);
  const pending: Pending[] = [{ step: 'enter', path: ROOT_PATH, node: tree.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path } = next;
    if (next.step === 'hide') {
      yield { kind: 'whiteout', path };
    } else if (next.step === 'leave') {
      yield { kind: 'attributes', path, attributes: next.node.attributes };
    } else if (next.node.kind !== 'directory') {
      if (next.node.layer === ordinal) yield placeLeaf(next.node, path, leaves);
    } else {
      const directory = next.node;
      if (path !== ROOT_PATH) yield buckets.makeDirectory(path, directory, isPooled);
      if (outcome.opaque.has(directory)) yield { kind: 'opaque', path };
      pending.push({ step: 'leave', path, node: directory });
      pending.push(...inside({ directory, path }, outcome, touched));
    }
  }
}

/**
 * Returns the steps for the children of a directory in this layer, in reverse: the first name is taken first from the
 * end.
 */
function inside(
  { directory, path }: { readonly directory: DirectoryNode; readonly path: RootfsPath },
  outcome: LayerOutcome,
  touched: ReadonlySet<DirectoryNode>,
): readonly Pending[] {
  const hidden = outcome.hidden.get(directory) ?? new Set<string>();
  const steps: [string, Pending][] = [];
  for (const [name, node] of sortedChildren(directory)) {
    if (node.kind === 'directory' ? !touched.has(node) : node.layer !== outcome.ordinal) continue;
    // A directory that replaces a lower node must not be merged with it
    if (node.kind === 'directory' && hidden.has(name)) outcome.opaque.add(node);
    steps.push([name, { step: 'enter', path: childPath(path, name), node }]);
  }
  if (!outcome.opaque.has(directory)) {
    for (const name of hidden) {
      // The node that took the name hides the lower one
      if (!directory.children.has(name)) steps.push([name, { step: 'hide', path: childPath(path, name) }]);
    }
  }
  return steps.sort(([left], [right]) => (left < right ? 1 : -1)).map(([, step]) => step);
}

function bodySource(node: FileNode, outcome: LayerOutcome): BodySource | undefined {
  if (node.body === undefined) return undefined;
  const copy = outcome.copies.get(node);
  return copy === undefined ? { from: 'pool', body: node.body } : { from: 'layer', layer: copy.layer, path: copy.path };
}

/**
 * Returns the touched directories, and the directories above each name of a copied file, however far they are from the
 * new name.
 */
function directoriesOf(tree: Tree, ordinal: number, touched: ReadonlySet<DirectoryNode>): ReadonlySet<DirectoryNode> {
  const found = new Set(touched);
  const chain: { readonly directory: DirectoryNode; readonly rest: TreeNode[] }[] = [
    { directory: tree.root, rest: [...tree.root.children.values()] },
  ];
  for (let top = chain.at(-1); top !== undefined; top = chain.at(-1)) {
    const node = top.rest.pop();
    if (node === undefined) chain.pop();
    else if (node.kind === 'directory') chain.push({ directory: node, rest: [...node.children.values()] });
    else if (node.layer === ordinal) for (const { directory } of chain) found.add(directory);
  }
  return found;
}
