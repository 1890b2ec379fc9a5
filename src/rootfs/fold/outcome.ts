import type { TarHeader } from '../../tar/header.ts';
import type { Body } from '../body.ts';
import type { DirectoryNode, LeafNode } from '../node.ts';
import type { RootfsPath } from '../path.ts';
import type { Place } from './resolve.ts';

/** One entry of a layer, and the place of its content: the input of the fold. */
export interface LayerEntry {
  readonly header: TarHeader;
  /** The stored content; undefined for an entry without content. */
  readonly body: Body | undefined;
}

/** The entries of a layer. They may be made anew on each iteration. */
export interface LayerEntries extends Iterable<LayerEntry> {
  readonly length: number;
}

/** The place of a lower file that this layer must copy. */
export interface CopyUp {
  /** The ordinal of the layer that has the file in its unpacked form, and the name of the file there. */
  readonly layer: number;
  readonly path: RootfsPath;
}

/**
 * The effects of one layer that its overlay form needs, and that the merged tree no longer shows. Valid until the next
 * layer is applied.
 */
export interface LayerOutcome {
  readonly ordinal: number;
  /** Names of lower layers that were removed or replaced, by directory. */
  readonly hidden: Map<DirectoryNode, Set<string>>;
  /** Directories that hide everything of lower layers. */
  readonly opaque: Set<DirectoryNode>;
  /** Lower files that got a new name. */
  readonly copies: Map<LeafNode, CopyUp>;
  /** Directories in or beneath which a name was written or hidden, and all directories above them. */
  readonly touched: Set<DirectoryNode>;
}

export function newOutcome(ordinal: number): LayerOutcome {
  return { ordinal, hidden: new Map(), opaque: new Set(), copies: new Map(), touched: new Set() };
}

/** Removes the node of a lower layer that has a name, and everything beneath it. Does nothing where there is none. */
export function hideName(place: Place, name: string, outcome: LayerOutcome): void {
  if (!place.directory.children.delete(name)) return;
  const names = outcome.hidden.get(place.directory);
  if (names === undefined) outcome.hidden.set(place.directory, new Set([name]));
  else names.add(name);
  touch(place, outcome);
}

export function touch(place: Place, outcome: LayerOutcome): void {
  for (const directory of place.chain) outcome.touched.add(directory);
}
