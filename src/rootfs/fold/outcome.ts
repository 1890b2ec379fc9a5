import type { TarHeader } from '../../tar/header.ts';
import type { Body } from '../body.ts';
import type { DirectoryNode, LeafNode } from '../node.ts';
import type { RootfsPath } from '../path.ts';
import type { Place } from './resolve.ts';

/** One entry of a layer and where its content was put: what the fold reads. */
export interface LayerEntry {
  readonly header: TarHeader;
  /** The stored content; undefined for what has none. */
  readonly body: Body | undefined;
}

/** The entries of a layer, which may be made anew each time that they are gone through. */
export interface LayerEntries extends Iterable<LayerEntry> {
  readonly length: number;
}

/** Where the content of a file lies that this layer must have a copy of. */
export interface CopyUp {
  /** Ordinal of the layer whose unpacked form holds the file, and its name there. */
  readonly layer: number;
  readonly path: RootfsPath;
}

/**
 * What one layer did to the tree beside writing nodes: all that its overlay form needs and the merged tree no
 * longer shows. Valid until the next layer is applied.
 */
export interface LayerOutcome {
  readonly ordinal: number;
  /** Names of lower layers that are gone or replaced, by directory. */
  readonly hidden: Map<DirectoryNode, Set<string>>;
  /** Directories of which nothing lower may show. */
  readonly opaque: Set<DirectoryNode>;
  /** Lower files that got a new name. */
  readonly copies: Map<LeafNode, CopyUp>;
  /** Directories in or beneath which something was written or hidden, and all above them. */
  readonly touched: Set<DirectoryNode>;
}

export function newOutcome(ordinal: number): LayerOutcome {
  return { ordinal, hidden: new Map(), opaque: new Set(), copies: new Map(), touched: new Set() };
}

/** Takes what a name of a lower layer stood for away, with all beneath it. Does nothing where there is no such name. */
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
