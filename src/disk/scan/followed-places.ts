import { closeDescriptor } from '../../sys/file/files.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { findLower, type OverlayForm } from './overlay-node.ts';
import { openDirectoryAt, readNode } from './read-node.ts';

/** Links that are followed for one place: as many as a launch follows. */
const MAX_LINKS = 40;

/** A place in a root. */
interface Place {
  readonly names: readonly string[];
  /** For errors. */
  readonly path: string;
}

/**
 * Returns the target of the link at a place, bytes; undefined for anything else than a link. No link on the way is
 * followed.
 */
type LinkAt = (place: Place) => string | undefined;

/** Looks links up in layers, top first. */
function linkInLayers(directories: readonly number[], { names, path }: Place, form: OverlayForm): string | undefined {
  const [name = '.', ...rest] = names;
  using found = findLower(directories, { name, path }, form);
  if (rest.length > 0) return found && linkInLayers(found.directories, { names: rest, path }, form);
  return found?.node.kind === 'symlink' ? found.node.target : undefined;
}

/** Looks links up in a plain directory. */
function linkInTree(directory: number, { names, path }: Place): string | undefined {
  const [name = '.', ...rest] = names;
  const at: NameAt = { directory, name };
  const node = readNode(at, path);
  if (rest.length === 0) return node?.kind === 'symlink' ? node.target : undefined;
  if (node?.kind !== 'directory') return undefined;
  const inner = openDirectoryAt(at, path);
  try {
    return linkInTree(inner, { names: rest, path });
  } finally {
    closeDescriptor(inner);
  }
}

/** Returns the names of a place after its links are followed. */
function follow(place: string, linkAt: LinkAt): readonly string[] {
  let done: string[] = [];
  let left = MAX_LINKS;
  for (let rest = place.split('/'); rest.length > 0 && left > 0; ) {
    const [name = '', ...more] = rest;
    rest = more;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const link = linkAt({ names: [...done, name], path: place });
    if (link === undefined) {
      done.push(name);
      continue;
    }
    left -= 1;
    if (link.startsWith('/')) done = [];
    rest = [...link.split('/'), ...more];
  }
  return done;
}

/**
 * Returns the places of mounts. Where links of the root lead one of them elsewhere, returns that place too, and the
 * directories above it: the launch made them where they were missing. Paths are bytes, without the first slash.
 * @param root descriptor of a plain directory, or those of layers, top first
 * @throws FILESYSTEM, FORMAT_UNSUPPORTED
 */
export function followedPlaces(
  places: readonly string[],
  root: number | { readonly layers: readonly number[]; readonly form: OverlayForm },
): ReadonlySet<string> {
  const linkAt: LinkAt = (place) =>
    typeof root === 'number' ? linkInTree(root, place) : linkInLayers(root.layers, place, root.form);
  const all = new Set(places);
  for (const place of places) {
    const names = follow(place, linkAt);
    for (const [index] of names.entries()) all.add(names.slice(0, index + 1).join('/'));
  }
  return all;
}
