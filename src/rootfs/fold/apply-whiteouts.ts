import type { Tree } from '../tree.ts';
import { hideName, type LayerOutcome, touch } from './outcome.ts';
import { type Place, resolveDirectory } from './resolve.ts';

interface MarkerBase {
  readonly parent: readonly string[];
  /** The position of its entry in the layer. */
  readonly position: number;
}

/** A whiteout or opaque marker, sorted out of a layer's entries. */
export type Marker =
  | (MarkerBase & { readonly kind: 'whiteout'; readonly name: string })
  | (MarkerBase & { readonly kind: 'opaque' });

/** The markers of a layer. */
export interface LayerMarkers {
  /** In the order of the layer. */
  readonly markers: readonly Marker[];
  /**
   * Whether the layer itself has a directory of that name: a symlink of a lower layer is not followed there, because
   * the marker refers to the directory that replaces it.
   */
  readonly isReplaced: (literal: string) => boolean;
}

/**
 * Hides the names that the markers of a layer give, before any other entry of the layer is applied. So markers hide
 * names of lower layers only, wherever they stand in the archive (layer.md, "Whiteouts"). A marker for a missing name
 * does nothing.
 */
export function applyWhiteouts(tree: Tree, { markers, isReplaced }: LayerMarkers, outcome: LayerOutcome): void {
  // Short paths first, so that the order of the archive does not matter: a symlink that one marker hides must not lead
  // another marker elsewhere
  for (const marker of markers.toSorted((one, other) => one.parent.length - other.parent.length)) {
    const parent = resolveDirectory(tree, marker.kind === 'opaque' ? marker.parent.slice(0, -1) : marker.parent, {
      isReplaced,
    });
    if (parent.kind !== 'directory') continue;
    if (marker.kind === 'whiteout') hideName(parent, marker.name, outcome);
    else hideChildren(parent, marker.parent.at(-1), outcome);
  }
}

/** Hides the children of the directory of an opaque marker. Its name is looked up, and never followed as a link. */
function hideChildren(parent: Place, name: string | undefined, outcome: LayerOutcome): void {
  if (name === undefined) {
    // Overlayfs always merges the roots of its layers: in the root only whiteouts hide
    for (const child of [...parent.directory.children.keys()]) hideName(parent, child, outcome);
    return;
  }
  const directory = parent.directory.children.get(name);
  if (directory?.kind !== 'directory') return;
  directory.children.clear();
  outcome.opaque.add(directory);
  touch(parent, outcome);
  outcome.touched.add(directory);
}
