import type { Attributes } from '../node.ts';
import { INTENDED, parseIntended } from './intended.ts';
import type { OverlayNamespace, StandsFor } from './real-attributes.ts';
import { decodeRootlessOwner, ROOTLESS_OWNER } from './rootless-owner.ts';

/** The intended attributes of a file in the tree of an ordinary user. */
export interface Recorded {
  readonly attributes: Attributes;
  /** The device that an empty file was made for. */
  readonly device: StandsFor;
}

const SETUID_SETGID = 0o6000;

/** Whether a mode is the one that `realAttributes` makes of the intended mode; otherwise it was changed since. */
function comesOf(real: number, intended: number, isDirectory: boolean): boolean {
  const open = intended | (isDirectory ? 0o700 : 0o600);
  return [intended, open, intended & ~SETUID_SETGID, open & ~SETUID_SETGID].includes(real);
}

/**
 * Returns the intended attributes of a file: the inverse of `realAttributes`. The container can write these records, as
 * it can write the files. So the records give it nothing that it could not put into an image anyway.
 */
export function recordedAttributes(real: Attributes, kind: 'file' | 'directory'): Recorded {
  const xattrs = new Map(real.xattrs);
  const [ownerRecord, intendedRecord] = [xattrs.get(ROOTLESS_OWNER), xattrs.get(INTENDED)];
  const owner = ownerRecord === undefined ? undefined : decodeRootlessOwner(ownerRecord);
  const intended = parseIntended(Buffer.from(intendedRecord ?? []).toString('latin1'));
  xattrs.delete(ROOTLESS_OWNER);
  xattrs.delete(INTENDED);
  const isUnchanged = intended !== undefined && comesOf(real.mode, intended.mode, kind === 'directory');
  return {
    attributes: { ...real, ...owner, mode: isUnchanged ? intended.mode : real.mode, xattrs },
    device: kind === 'file' ? intended?.device : undefined,
  };
}

/**
 * Returns the xattrs of a file in the upper layer as the container sees them: overlayfs hides its own xattrs, and
 * escapes the names of those that the container set with its prefix. overlayfs.rst, "Nesting overlayfs mounts".
 */
export function withoutOverlayXattrs(xattrs: Attributes['xattrs'], namespace: OverlayNamespace): Attributes['xattrs'] {
  const own = `${namespace}.overlay.`;
  const escaped = `${own}overlay.`;
  const seen = [...xattrs].flatMap(([name, value]): [string, Uint8Array][] => {
    if (name.startsWith(escaped)) return [[`${own}${name.slice(escaped.length)}`, value]];
    return name.startsWith(own) ? [] : [[name, value]];
  });
  return new Map(seen);
}

/** Whether two files have the same attributes; their times count only with `withTime`. */
export function sameAttributes(one: Attributes, other: Attributes, withTime: boolean): boolean {
  const { seconds, nanoseconds } = one.mtime;
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.xattrs.size === other.xattrs.size &&
    [...one.xattrs].every(([name, value]) => Buffer.from(value).equals(other.xattrs.get(name) ?? Buffer.alloc(0))) &&
    (!withTime || (seconds === other.mtime.seconds && nanoseconds === other.mtime.nanoseconds))
  );
}
