import type { Tree } from '../tree.ts';
import { hideName, type LayerOutcome, touch } from './outcome.ts';
import { type Place, resolveDirectory } from './resolve.ts';

interface MarkerBase {
  readonly parent: readonly string[];
  /** Which entry of its layer it is. */
  readonly position: number;
}

/** A whiteout or opaque marker, sorted out of a layer's entries. */
export type Marker =
  | (MarkerBase & { readonly kind: 'whiteout'; readonly name: string })
  | (MarkerBase & { readonly kind: 'opaque' });

/**
 * Hides what a layer's markers name, before anything else of the layer is applied: so they can only reach lower
 * layers, wherever they stand in the archive (layer.md, "Whiteouts"). A marker for what is not there does nothing.
 * @param isReplaced whether the layer itself has a directory of that name: a lower symlink there is not followed,
 *   for the marker speaks of the directory that takes its place
 */
export function hideLower(
  tree: Tree,
  markers: readonly Marker[],
  isReplaced: (literal: string) => boolean,
  outcome: LayerOutcome,
): void {
  // Shallow ones first: what one of them hides must not lead another elsewhere, whichever the archive has first
  for (const marker of markers.toSorted((one, other) => one.parent.length - other.parent.length)) {
    const parent = resolveDirectory(tree, marker.kind === 'opaque' ? marker.parent.slice(0, -1) : marker.parent, {
      isReplaced,
    });
    if (parent.kind !== 'directory') continue;
    if (marker.kind === 'whiteout') hideName(parent, marker.name, outcome);
    else hideChildren(parent, marker.parent.at(-1), outcome);
  }
}

/** An opaque marker's directory is the last component of a path, so it is looked up, never followed. */
function hideChildren(parent: Place, name: string | undefined, outcome: LayerOutcome): void {
  if (name === undefined) {
    // Overlayfs merges the roots of its layers whatever their marks say: there, only whiteouts hide
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
