import { TsimgError } from '../../errors.ts';
import type { TarHeader } from '../../tar/header.ts';
import { pathText, type RootfsPath } from '../path.ts';

/** OCI image spec, layer.md, "Whiteouts". */
const PREFIX = '.wh.';
/** The name of the file in a directory that makes it opaque. */
export const OPAQUE_MARK = '.wh..wh..opq';
/**
 * The prefix of the names that aufs used itself (`.wh..wh.plnk`, `.wh..wh.aufs`, `.wh..wh.orph`); old layers still have
 * them.
 */
const AUFS_PREFIX = '.wh..wh.';

export type WhiteoutReading =
  /** An entry like any other. */
  | { readonly kind: 'none' }
  /** Hides this name of lower layers in its directory. */
  | { readonly kind: 'whiteout'; readonly name: string }
  /** Hides everything of lower layers in its directory. */
  | { readonly kind: 'opaque' }
  /** A file of aufs, which does not belong to the image. */
  | { readonly kind: 'aufs' };

const NONE: WhiteoutReading = { kind: 'none' };

/**
 * Reads the name of an entry, by exact base name (`which` and `.whiskers` are files).
 * @throws LAYER_INVALID for a whiteout of nothing, of `.` or `..`, and for a directory whose name begins with `.wh.`:
 *   such a name requests a deletion, and tools delete different files
 */
export function readWhiteout(components: readonly string[], header: TarHeader): WhiteoutReading {
  if (!mayBeMarker(header.path)) return NONE;
  const base = components.length - 1;
  for (const [index, component] of components.entries()) {
    if (!component.startsWith(PREFIX)) continue;
    if (component === OPAQUE_MARK && index === base && header.kind !== 'directory') return { kind: 'opaque' };
    if (component.startsWith(AUFS_PREFIX) && component !== OPAQUE_MARK) return { kind: 'aufs' };
    if (index < base || header.kind === 'directory') {
      throw invalidWhiteout(header, 'a directory has the name of a whiteout');
    }
    const name = component.slice(PREFIX.length);
    if (name === '' || name === '.' || name === '..') throw invalidWhiteout(header, 'it names nothing to hide');
    return { kind: 'whiteout', name };
  }
  return NONE;
}

/** Whether a component of a name may be a whiteout: one look at the whole name, because most names have none. */
export function mayBeMarker(path: string): boolean {
  return path.includes(PREFIX);
}

function invalidWhiteout(header: TarHeader, why: string): TsimgError {
  return new TsimgError('LAYER_INVALID', 'the layer has an invalid whiteout', { where: pathText(header.path), why });
}

/** Returns the name of the file that hides a path of lower layers. */
export function formatWhiteout(path: RootfsPath): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${PREFIX}${path.slice(slash)}`;
}

/** Whether a layer would read the last component of a path as a whiteout. */
export function saysWhiteout(path: RootfsPath): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(PREFIX);
}
