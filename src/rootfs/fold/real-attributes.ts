import type { Timestamp } from '../../tar/header.ts';
import type { Attributes, SpecialKind } from '../node.ts';
import type { Tolerance } from '../policy.ts';
import { formatIntended, INTENDED } from './intended.ts';
import { encodeRootlessOwner, ROOTLESS_OWNER } from './rootless-owner.ts';

/**
 * `set`: root sets all attributes as the image says. `record`: all files belong to an ordinary user, who must be able
 * to read, change and remove them; the attributes of the image are recorded in xattrs.
 */
export type Ownership = 'set' | 'record';

/**
 * The prefix of the xattrs that overlayfs uses itself: `trusted` in mounts of root, `user` in mounts with `userxattr`.
 */
export type OverlayNamespace = 'trusted' | 'user';

/** The form in which nodes are written to the disk. */
export interface Form {
  readonly ownership: Ownership;
  /** Set where the tree is a layer for overlayfs: xattrs of this prefix are not taken from an image. */
  readonly overlay?: OverlayNamespace | undefined;
}

/** The attributes to set on the disk for a node. */
export interface RealAttributes {
  /** Undefined where the owner stays the one that makes the file. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Undefined for a symlink, which has none. */
  readonly mode: number | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly mtime: Timestamp;
  readonly tolerated: readonly Tolerance[];
}

export type RealKind = 'file' | 'directory' | 'symlink' | SpecialKind;

const SETUID_SETGID = 0o6000;
const SELINUX_LABEL = 'security.selinux';

/** A device that was made as an empty file. */
export type StandsFor = { readonly kind: SpecialKind; readonly major: number; readonly minor: number } | undefined;

/** A node as it is made on the disk. */
export interface NodeOnDisk {
  /** `file` for a device that an ordinary user could not make. */
  readonly kind: RealKind;
  /** As the image has them. */
  readonly attributes: Attributes;
  /** The device that an empty file was made for. */
  readonly standsFor?: StandsFor;
}

/** Decides which attributes to set, and which to record. */
export function realAttributes({ kind, attributes, standsFor }: NodeOnDisk, form: Form): RealAttributes {
  const { uid, gid, mtime } = attributes;
  const tolerated: Tolerance[] = [];
  const unlabelled = withoutLabel(attributes.xattrs);
  if (unlabelled !== attributes.xattrs) tolerated.push('selinux-labels');
  const kept = form.overlay === undefined ? unlabelled : withoutPrefix(unlabelled, form.overlay);
  if (kept.size !== unlabelled.size) tolerated.push('overlay-attributes');
  if (standsFor !== undefined) tolerated.push('devices');
  if (form.ownership === 'set') {
    const mode = kind === 'symlink' ? undefined : attributes.mode;
    const xattrs = standsFor === undefined ? kept : new Map([...kept, intendedXattr(attributes.mode, standsFor)]);
    return { owner: { uid, gid }, mode, xattrs, mtime, tolerated };
  }
  const xattrs = new Map(kept);
  xattrs.delete(ROOTLESS_OWNER);
  xattrs.delete(INTENDED);
  // The kernel allows user.* xattrs on files and directories only
  const recordable = kind === 'file' || kind === 'directory';
  const owner = encodeRootlessOwner(uid, gid);
  if (owner !== undefined) {
    tolerated.push('owners');
    if (recordable) xattrs.set(ROOTLESS_OWNER, owner);
  }
  const open = attributes.mode | (kind === 'directory' ? 0o700 : 0o600);
  if (kind !== 'symlink' && open !== attributes.mode) tolerated.push('modes');
  // A setuid file of the caller would let every user act as the caller. On a directory the bits do no harm.
  const safe = kind === 'directory' ? open : open & ~SETUID_SETGID;
  if (kind !== 'symlink' && safe !== open) tolerated.push('setuid');
  const mode = kind === 'symlink' ? undefined : safe;
  if (recordable && (safe !== attributes.mode || standsFor !== undefined)) {
    xattrs.set(...intendedXattr(attributes.mode, standsFor));
  }
  return { owner: undefined, mode, xattrs, mtime, tolerated };
}

/**
 * The same for a file with an owner that this user namespace does not have: the file is given to root, loses its setuid
 * and setgid bits, and the owner and mode are recorded.
 */
export function withoutOwner(real: RealAttributes, { kind, attributes }: NodeOnDisk): RealAttributes {
  const { uid, gid, mode: intended } = attributes;
  const mode = real.mode === undefined || kind === 'directory' ? real.mode : real.mode & ~SETUID_SETGID;
  const xattrs = new Map(real.xattrs);
  const owner = encodeRootlessOwner(uid, gid);
  if (kind === 'file' || kind === 'directory') {
    if (owner !== undefined) xattrs.set(ROOTLESS_OWNER, owner);
    if (mode !== real.mode && !xattrs.has(INTENDED)) xattrs.set(...intendedXattr(intended, undefined));
  }
  return { ...real, owner: { uid: 0, gid: 0 }, mode, xattrs };
}

function intendedXattr(mode: number, device: StandsFor): [string, Uint8Array] {
  return [INTENDED, Buffer.from(formatIntended({ mode, device }))];
}

/** Leaves SELinux labels out, as umoci does: they belong to the policy of the host that has the file. */
function withoutLabel(xattrs: Attributes['xattrs']): Attributes['xattrs'] {
  return xattrs.has(SELINUX_LABEL) ? new Map([...xattrs].filter(([name]) => name !== SELINUX_LABEL)) : xattrs;
}

function withoutPrefix(xattrs: Attributes['xattrs'], namespace: OverlayNamespace): Attributes['xattrs'] {
  return new Map([...xattrs].filter(([name]) => !name.startsWith(`${namespace}.overlay.`)));
}
