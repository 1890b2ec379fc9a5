import { TsimgError } from '../../errors.ts';

/** What is copied: a file, a directory with its name, all that is in one, or the entries of an archive as they are. */
export type CopiedWhat = 'file' | 'directory' | 'contents' | 'archive';

export function isCopiedWhat(value: unknown): value is CopiedWhat {
  return value === 'file' || value === 'directory' || value === 'contents' || value === 'archive';
}

/** What a destination is, symlinks followed. */
export type DestinationKind = 'directory' | 'file' | 'other' | undefined;

/** Where entries go: into the destination itself, or beside it under its name. */
export interface Placement {
  readonly into: 'destination' | 'parent';
  /** From the names of an entry; undefined for none. @param name the destination's, for `parent` */
  placeOf(components: readonly string[], name: string): readonly string[] | undefined;
}

/** Whether a path says that a directory is meant. */
export function saysDirectory(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path);
}

/** Whether of a directory only what is in it is meant. */
export function saysContents(path: string): boolean {
  return /(^|\/)\.$/.test(path) || /^\/*$/.test(path);
}

/**
 * docker's rules for `cp`: what there is decides whether a source comes into the destination or becomes it. Pure.
 * @throws DESTINATION_INVALID, DESTINATION_EXISTS
 */
export function planPlacement(what: CopiedWhat, destination: DestinationKind, path: string): Placement {
  if (destination === 'directory') return { into: 'destination', placeOf: (components) => components };
  const where = path;
  if (destination === undefined && (what === 'archive' || (what === 'file' && saysDirectory(path)))) {
    throw new TsimgError('DESTINATION_INVALID', 'no such directory', { where });
  }
  if (destination !== undefined && (what !== 'file' || saysDirectory(path))) {
    throw new TsimgError('DESTINATION_EXISTS', 'not a directory', { where });
  }
  if (destination === 'other') throw new TsimgError('DESTINATION_EXISTS', 'neither a file nor a directory', { where });
  const skip = what === 'contents' ? 0 : 1;
  return { into: 'parent', placeOf: (components, name) => [name, ...components.slice(skip)] };
}
