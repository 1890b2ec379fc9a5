import type { Attributes } from '../node.ts';
import { INTENDED, parseIntended } from './intended.ts';
import type { OverlayNamespace, StandsFor } from './real-attributes.ts';
import { decodeRootlessOwner, ROOTLESS_OWNER } from './rootless-owner.ts';

/** What a file of a user's tree is meant to be. */
export interface Recorded {
  readonly attributes: Attributes;
  /** The device that an empty file was made for. */
  readonly device: StandsFor;
}

const SETUID_SETGID = 0o6000;

/** Whether a file that was meant to have a mode has what `realAttributes` made of it; else somebody changed it since. */
function comesOf(real: number, intended: number, isDirectory: boolean): boolean {
  const open = intended | (isDirectory ? 0o700 : 0o600);
  return [intended, open, intended & ~SETUID_SETGID, open & ~SETUID_SETGID].includes(real);
}

/**
 * What a file was meant to be, where an ordinary user could not make it so: the inverse of `realAttributes`. The records are
 * the container's to write, as the files are: they say nothing that it could not put into an image anyway.
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
 * The attributes that a container sees of those that its upper layer has: overlayfs keeps its own there, and those that the
 * container itself gave such a name under another. overlayfs.rst, "Nesting overlayfs mounts".
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

/** Whether both are the same, times apart unless `withTime`. */
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
