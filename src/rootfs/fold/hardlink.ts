import { TsimgError } from '../../errors.ts';
import type { TarHeader } from '../../tar/header.ts';
import type { LeafNode, TreeNode } from '../node.ts';
import { childPath, cleanName, pathText, type RootfsPath } from '../path.ts';
import type { Tree } from '../tree.ts';
import type { LayerOutcome } from './outcome.ts';
import { inTree, type Place, type ResolveOptions, resolveDirectory } from './resolve.ts';

/** A hard link that an entry asks for. */
interface Link {
  readonly parent: Place;
  readonly name: string;
  readonly header: TarHeader;
}

interface Target {
  readonly node: TreeNode;
  readonly path: RootfsPath;
}

/** A hard link whose place is kept by a node of its own until all other entries of the layer stand. */
export interface PendingLink extends Link {
  /** What its target was when its entry came; undefined where there was none yet. */
  readonly target: Target | undefined;
}

/**
 * Binds a link to what its target is when the link's entry comes, of this layer or a lower one: what other entries make
 * of the name later is another file. The target's name is relative to the root even when absolute; symlinks among its
 * parents are followed inside the tree, one as its last component is itself what is linked.
 * @param placeholder what keeps the link's place
 * @param childOf what was there for this entry and is hidden in the tree
 */
export function bindLink(
  tree: Tree,
  link: Link,
  placeholder: LeafNode,
  childOf: ResolveOptions['childOf'],
): PendingLink {
  const target = lookUp(tree, link) ?? (childOf && lookUp(tree, link, childOf));
  return { ...link, target: target?.node === placeholder ? undefined : target };
}

/**
 * Replaces each kept place by its target, through chains of links; those without one have it behind them in the layer.
 * The attributes of a link's own entry mean nothing: they are those of its target.
 * @throws LAYER_INVALID for a link to nothing, to a directory, or to itself by way of others
 */
export function settleLinks(tree: Tree, links: ReadonlyMap<LeafNode, PendingLink>, outcome: LayerOutcome): void {
  for (const [placeholder, link] of links) {
    // An entry behind it took the name: the last of a name wins
    if (link.parent.directory.children.get(link.name) !== placeholder) continue;
    const { node, path } = finalTarget(tree, links, link);
    if (node.layer < outcome.ordinal) {
      // All names of the file must go on being one file: in overlay form this layer then has a copy of each, of what
      // the layer below has there, whatever becomes of that name here
      outcome.copies.set(node, { layer: node.layer, path });
      node.layer = outcome.ordinal;
    }
    node.shared = true;
    tree.put(link.parent.directory, link.name, node);
  }
}

function finalTarget(tree: Tree, links: ReadonlyMap<LeafNode, PendingLink>, first: PendingLink) {
  const seen = new Set<PendingLink>();
  let link = first;
  for (;;) {
    if (seen.has(link)) throw invalidLink(first, 'it is a link to itself');
    seen.add(link);
    const target = link.target ?? lookUp(tree, link);
    if (target === undefined) throw invalidLink(link, `there is no ${pathText(link.header.linkPath)}`);
    const { node, path } = target;
    if (node.kind === 'directory') throw invalidLink(link, `${pathText(link.header.linkPath)} is a directory`);
    const next = links.get(node);
    if (next === undefined) return { node, path };
    link = next;
  }
}

function lookUp(tree: Tree, link: Link, childOf = inTree): Target | undefined {
  const { components } = cleanName(link.header.linkPath);
  const name = components.at(-1);
  if (name === undefined) return { node: tree.root, path: link.parent.path };
  const parent = resolveDirectory(tree, components.slice(0, -1), { childOf });
  const node = parent.kind === 'directory' ? childOf(parent.directory, name) : undefined;
  return parent.kind === 'directory' && node !== undefined ? { node, path: childPath(parent.path, name) } : undefined;
}

function invalidLink(link: Link, why: string): TsimgError {
  return new TsimgError('LAYER_INVALID', 'the layer has a hard link that cannot be made', {
    where: pathText(link.header.path),
    why,
  });
}
