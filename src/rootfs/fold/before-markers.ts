import type { DirectoryNode, TreeNode } from '../node.ts';
import type { Tree } from '../tree.ts';
import type { LayerMarkers } from './apply-whiteouts.ts';
import { resolveDirectory } from './resolve.ts';

/** The node of a hidden name of a lower layer, and the position of the entry that hides it. */
interface HiddenBy {
  readonly node: TreeNode;
  readonly position: number;
}

/**
 * The nodes that the markers of a layer hide, by directory and name. Markers are applied before all entries, but a hard
 * link that stands before a marker still reaches the hidden node.
 */
export type BeforeMarkers = ReadonlyMap<DirectoryNode, ReadonlyMap<string, HiddenBy>>;

/**
 * Returns a function that looks up a name of a directory as the entry at a position of the layer sees it: markers
 * behind the entry hide nothing yet.
 */
export function childBefore(hidden: BeforeMarkers, position: number) {
  return (directory: DirectoryNode, name: string): TreeNode | undefined => {
    const child = directory.children.get(name);
    const marked = hidden.get(directory)?.get(name);
    // Any other node than the hidden one belongs to this layer
    if (marked === undefined || (child !== undefined && child !== marked.node)) return child;
    return position < marked.position ? marked.node : undefined;
  };
}

/**
 * Notes the files that each marker hides, and changes nothing. To be called before the markers are applied.
 */
export function noteHidden(tree: Tree, { markers, isReplaced }: LayerMarkers): BeforeMarkers {
  const hidden = new Map<DirectoryNode, Map<string, HiddenBy>>();
  for (const marker of markers) {
    const { position } = marker;
    const childOf = childBefore(hidden, position);
    const note = (directory: DirectoryNode, name: string): void => {
      const node = childOf(directory, name);
      if (node === undefined) return;
      const names = hidden.get(directory) ?? new Map<string, HiddenBy>();
      hidden.set(directory, names.set(name, { node, position }));
    };
    const { kind, parent } = marker;
    const found = resolveDirectory(tree, kind === 'opaque' ? parent.slice(0, -1) : parent, { childOf, isReplaced });
    if (found.kind !== 'directory') continue;
    if (marker.kind === 'whiteout') {
      note(found.directory, marker.name);
      continue;
    }
    const name = parent.at(-1);
    const directory = name === undefined ? found.directory : childOf(found.directory, name);
    if (directory?.kind === 'directory') for (const child of directory.children.keys()) note(directory, child);
  }
  return hidden;
}
