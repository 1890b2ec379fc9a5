import type { Attributes, FileNode, TreeNode } from '../node.ts';
import { childPath, ROOT_PATH, type RootfsPath } from '../path.ts';
import { sortedChildren, type Tree } from '../tree.ts';
import { Buckets } from './buckets.ts';
import type { BodySource, Change } from './change.ts';
import { type LeafPlan, placeLeaf } from './place-leaf.ts';

type Pending =
  | { readonly step: 'enter'; readonly path: RootfsPath; readonly node: TreeNode }
  | { readonly step: 'leave'; readonly path: RootfsPath; readonly attributes: Attributes };

/**
 * Yields the changes that make the tree in an empty directory: depth first, names in byte order, the attributes of the
 * root last.
 */
export function* planFlat(tree: Tree): Generator<Change> {
  const leaves: LeafPlan = { firstNames: new Map(), sourceOf: pooled };
  const buckets = new Buckets();
  const pending: Pending[] = [{ step: 'enter', path: ROOT_PATH, node: tree.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path } = next;
    if (next.step === 'leave') {
      yield { kind: 'attributes', path, attributes: next.attributes };
    } else if (next.node.kind === 'directory') {
      if (path !== ROOT_PATH) yield buckets.makeDirectory(path, next.node, isPooled);
      pending.push({ step: 'leave', path, attributes: next.node.attributes });
      for (const [name, node] of sortedChildren(next.node).toReversed()) {
        pending.push({ step: 'enter', path: childPath(path, name), node });
      }
    } else {
      yield placeLeaf(next.node, path, leaves);
    }
  }
}

const isPooled = () => true;

function pooled({ body }: FileNode): BodySource | undefined {
  return body === undefined ? undefined : { from: 'pool', body };
}
