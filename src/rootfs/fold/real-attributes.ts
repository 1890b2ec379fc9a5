import type { Timestamp } from '../../tar/header.ts';
import type { Attributes, SpecialKind } from '../node.ts';
import type { Tolerance } from '../policy.ts';
import { formatIntended, INTENDED } from './intended.ts';
import { encodeRootlessOwner, ROOTLESS_OWNER } from './rootless-owner.ts';

/**
 * `set`: by root, everything as the image says. `record`: by an ordinary user, to whom everything belongs and who
 * must be able to read, change and remove it; what the image says is kept in xattrs.
 */
export type Ownership = 'set' | 'record';

/** Which xattrs overlayfs takes for its own: those of root's mounts, or of mounts with `userxattr`. */
export type OverlayNamespace = 'trusted' | 'user';

/** How a node becomes real. */
export interface Form {
  readonly ownership: Ownership;
  /** The tree is a layer for overlayfs: an image must not speak to it through xattrs of that prefix. */
  readonly overlay?: OverlayNamespace | undefined;
}

/** What is to be made real of a node's attributes. */
export interface RealAttributes {
  /** Undefined: left to whoever makes it. */
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

/** @param kind what is on the disk: `file` for a device that an ordinary user could not make */
export function realAttributes(
  attributes: Attributes,
  kind: RealKind,
  form: Form,
  standsFor?: StandsFor,
): RealAttributes {
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
  // The kernel has user.* xattrs on files and directories only
  const recordable = kind === 'file' || kind === 'directory';
  const owner = encodeRootlessOwner(uid, gid);
  if (owner !== undefined) {
    tolerated.push('owners');
    if (recordable) xattrs.set(ROOTLESS_OWNER, owner);
  }
  const open = attributes.mode | (kind === 'directory' ? 0o700 : 0o600);
  if (kind !== 'symlink' && open !== attributes.mode) tolerated.push('modes');
  // Whoever runs a setuid file that belongs to the caller is the caller; of a directory the bits harm nobody
  const safe = kind === 'directory' ? open : open & ~SETUID_SETGID;
  if (kind !== 'symlink' && safe !== open) tolerated.push('setuid');
  const mode = kind === 'symlink' ? undefined : safe;
  if (recordable && (safe !== attributes.mode || standsFor !== undefined)) {
    xattrs.set(...intendedXattr(attributes.mode, standsFor));
  }
  return { owner: undefined, mode, xattrs, mtime, tolerated };
}

/**
 * The same for a file whose owner this user namespace does not have: it is left to root, its bits that act as the owner are
 * taken away, and what was meant is recorded.
 */
export function withoutOwner(
  real: RealAttributes,
  { uid, gid, mode: intended }: Attributes,
  kind: RealKind,
): RealAttributes {
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

/** A label is given by the policy of the host on which the file lies: umoci leaves those of layers out, too. */
function withoutLabel(xattrs: Attributes['xattrs']): Attributes['xattrs'] {
  return xattrs.has(SELINUX_LABEL) ? new Map([...xattrs].filter(([name]) => name !== SELINUX_LABEL)) : xattrs;
}

function withoutPrefix(xattrs: Attributes['xattrs'], namespace: OverlayNamespace): Attributes['xattrs'] {
  return new Map([...xattrs].filter(([name]) => !name.startsWith(`${namespace}.overlay.`)));
}
