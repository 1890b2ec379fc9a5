import { TsimgError } from '../errors.ts';
import type { TarHeader } from '../tar/header.ts';
import type { LeafNode, TreeNode } from './node.ts';
import type { LayerOutcome } from './outcome.ts';
import { childPath, cleanName, pathText, type RootfsPath } from './path.ts';
import { type Place, resolveDirectory } from './resolve.ts';
import type { Tree } from './tree.ts';

/** A hard link whose place is kept by a node of its own until all other entries of the layer stand. */
export interface PendingLink {
  readonly parent: Place;
  readonly name: string;
  readonly header: TarHeader;
}

interface Target {
  readonly node: LeafNode;
  readonly path: RootfsPath;
}

/**
 * Replaces each kept place by its target: of this layer or a lower one, whether its entry stood before or after,
 * through chains of links. The target's name is relative to the root even when absolute; symlinks among its parents
 * are followed inside the tree, one as its last component is itself what is linked.
 * The attributes of a link's own entry mean nothing: they are those of its target.
 * @throws LAYER_INVALID for a link to nothing, to a directory, or to itself by way of others
 */
export function settleLinks(tree: Tree, links: ReadonlyMap<LeafNode, PendingLink>, outcome: LayerOutcome): void {
  for (const [placeholder, link] of links) {
    // An entry behind it took the name: the last of a name wins
    if (link.parent.directory.children.get(link.name) !== placeholder) continue;
    const { node, path } = finalTarget(tree, links, link);
    if (node.layer < outcome.ordinal) {
      // All names of the file must go on being one file: in overlay form this layer then has a copy of each
      outcome.copies.set(node, { layer: node.layer, path });
      node.layer = outcome.ordinal;
    }
    node.shared = true;
    tree.put(link.parent.directory, link.name, node);
  }
}

function finalTarget(tree: Tree, links: ReadonlyMap<LeafNode, PendingLink>, first: PendingLink): Target {
  const seen = new Set<PendingLink>();
  let link = first;
  for (;;) {
    if (seen.has(link)) throw invalidLink(first, 'it is a link to itself');
    seen.add(link);
    const target = lookUp(tree, link);
    if (target === undefined) throw invalidLink(link, `there is no ${pathText(link.header.linkPath)}`);
    if (target.node.kind === 'directory') {
      throw invalidLink(link, `${pathText(link.header.linkPath)} is a directory`);
    }
    const next = links.get(target.node);
    if (next === undefined) return { node: target.node, path: target.path };
    link = next;
  }
}

function lookUp(tree: Tree, link: PendingLink): { readonly node: TreeNode; readonly path: RootfsPath } | undefined {
  const { components } = cleanName(link.header.linkPath);
  const name = components.at(-1);
  if (name === undefined) return { node: tree.root, path: link.parent.path };
  const parent = resolveDirectory(tree, components.slice(0, -1));
  const node = parent.kind === 'directory' ? parent.directory.children.get(name) : undefined;
  return parent.kind === 'directory' && node !== undefined ? { node, path: childPath(parent.path, name) } : undefined;
}

function invalidLink(link: PendingLink, why: string): TsimgError {
  return new TsimgError('LAYER_INVALID', 'the layer has a hard link that cannot be made', {
    where: pathText(link.header.path),
    why,
  });
}
