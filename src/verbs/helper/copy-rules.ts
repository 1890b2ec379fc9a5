import { TsimgError } from '../../errors.ts';

/** What `cp` copies: a file, a directory with its name, the contents of a directory, or the entries of an archive. */
export type CopiedWhat = 'file' | 'directory' | 'contents' | 'archive';

/** Whether a value that came from another process is a `CopiedWhat`. */
export function isCopiedWhat(value: unknown): value is CopiedWhat {
  return value === 'file' || value === 'directory' || value === 'contents' || value === 'archive';
}

/** The type of a destination, symlinks followed; undefined where it does not exist. */
export type DestinationKind = 'directory' | 'file' | 'other' | undefined;

/** Where entries go: into the destination, or into its parent under the destination's name. */
export interface Placement {
  readonly into: 'destination' | 'parent';
  /**
   * Returns the place of an entry; undefined for no place.
   * @param name the destination's name, used for `parent`
   */
  placeOf(components: readonly string[], name: string): readonly string[] | undefined;
}

/** Whether a path can only mean a directory: it ends with `/`, `.` or `..`. */
export function saysDirectory(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}

/** Whether a path means the contents of a directory without the directory: it ends with `/.`. */
export function saysContents(path: string): boolean {
  return /(^|\/)\.$/.test(path) || /^\/*$/.test(path);
}

/**
 * Applies docker's rules for `cp`: a source goes into an existing directory, and otherwise becomes the destination.
 * Pure.
 * @throws DESTINATION_INVALID, DESTINATION_EXISTS
 */
export function planPlacement(what: CopiedWhat, destination: DestinationKind, path: string): Placement {
  if (destination === 'directory') return { into: 'destination', placeOf: (components) => components };
  const where = path;
  if (destination === undefined && (what === 'archive' || (what === 'file' && saysDirectory(path)))) {
    const hint = what === 'file' ? 'make it first, or name the file itself' : 'make it first';
    throw new TsimgError('DESTINATION_INVALID', 'no such directory', { where, hint });
  }
  if (destination !== undefined && (what !== 'file' || saysDirectory(path))) {
    const hint = what === destination ? 'name the file itself to replace it' : 'name a directory';
    throw new TsimgError('DESTINATION_EXISTS', 'not a directory', { where, hint });
  }
  if (destination === 'other') {
    throw new TsimgError('DESTINATION_EXISTS', 'neither a file nor a directory', { where, hint: 'name another path' });
  }
  const skip = what === 'contents' ? 0 : 1;
  return { into: 'parent', placeOf: (components, name) => [name, ...components.slice(skip)] };
}
