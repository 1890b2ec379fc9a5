import { TsimgError } from '../../errors.ts';
import type { TarHeader } from '../../tar/header.ts';
import type { LeafNode, TreeNode } from '../node.ts';
import { childPath, cleanName, pathText, type RootfsPath } from '../path.ts';
import type { Tree } from '../tree.ts';
import type { LayerOutcome } from './outcome.ts';
import { inTree, type Place, type ResolveOptions, resolveDirectory } from './resolve.ts';

/** A hard link of an entry. */
interface Link {
  readonly parent: Place;
  readonly name: string;
  readonly header: TarHeader;
}

/** A hard link whose place is kept by a node. */
interface PlacedLink extends Link {
  readonly placeholder: LeafNode;
}

interface Target {
  readonly node: TreeNode;
  readonly path: RootfsPath;
}

/** A hard link that is bound at the end: a placeholder has its name until all other entries are applied. */
export interface PendingLink extends Link {
  /** The node of its target at the time of the entry; undefined where there was none yet. */
  readonly target: Target | undefined;
}

/**
 * Finds the node of a link's target at the time of the link's entry, in this layer or a lower one. If a later entry
 * gives the name to another file, the link keeps the first one. The target's name is relative to the root even when it
 * is absolute. Symlinks among its parents are followed inside of the tree; a symlink as the last component is itself
 * linked.
 * @param childOf finds nodes that this entry still sees and the tree no longer has
 */
export function bindLink(tree: Tree, placed: PlacedLink, childOf: ResolveOptions['childOf']): PendingLink {
  const { placeholder, ...link } = placed;
  const target = lookUp(tree, link) ?? (childOf && lookUp(tree, link, childOf));
  return { ...link, target: target?.node === placeholder ? undefined : target };
}

/**
 * Replaces each placeholder by the target of its link, through chains of links. A link whose target was not there yet
 * finds it now: its entry stands later in the layer. The attributes of the link entry are ignored: the target has its
 * own.
 * @throws LAYER_INVALID for a link to a missing file, to a directory, or to itself through other links
 */
export function settleLinks(tree: Tree, links: ReadonlyMap<LeafNode, PendingLink>, outcome: LayerOutcome): void {
  for (const [placeholder, link] of links) {
    // A later entry took the name: the last of several entries with one name wins
    if (link.parent.directory.children.get(link.name) !== placeholder) continue;
    const { node, path } = finalTarget(tree, links, link);
    if (node.layer < outcome.ordinal) {
      // All names of the file must stay one file: the overlay form of this layer gets a copy of each, of the file in
      // the layer below, even if its name is hidden or replaced here
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
