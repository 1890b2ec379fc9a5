import type { Form, RealAttributes } from '../../rootfs/fold/real-attributes.ts';
import { pathText } from '../../rootfs/path.ts';
import { linkAt, renameNewAt, unlinkAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';

/** The place where bodies are stored. */
export interface BodyPool {
  /** Descriptor of a directory that only tsimg writes into. */
  readonly directory: number;
  /**
   * The way in which bodies become files: a body gets its attributes at once where it can. Undefined where only content
   * is wanted.
   */
  readonly finish?: { readonly form: Form; readonly uid: number; readonly gid: number } | undefined;
}

/** A pool of bodies that become files of this user, or, with root, of other users. */
export function bodyPool(directory: number, form: Form): BodyPool {
  const [uid, gid] = [process.geteuid?.() ?? -1, process.getegid?.() ?? -1];
  return { directory, finish: { form, uid, gid } };
}

/**
 * Whether a body gets all its attributes when it is stored, in a thread and on a descriptor that is open anyway; then
 * it only has to be moved later. Files with other owners or with xattrs get them later, because the fold counts the
 * attributes that the file system refuses.
 */
export function isFinishedIn({ finish }: BodyPool, { owner, xattrs }: RealAttributes): boolean {
  if (finish === undefined || xattrs.size > 0) return false;
  return owner === undefined || (owner.uid === finish.uid && owner.gid === finish.gid);
}

/** Moves a body to its place. It does not replace a file. @throws FILESYSTEM */
export function placeBody(from: NameAt, to: NameAt, path: string): void {
  if (renameNewAt(from.directory, from.name, to.directory, to.name) >= 0) return;
  const errno = lastErrno();
  // Some network file systems have no rename that refuses to replace a file; link(2) always refuses
  if (errno !== 'EINVAL') throw refusal('cannot place a file', errno, pathText(path));
  check(linkAt(from.directory, from.name, to.directory, to.name), 'place a file', path);
  check(unlinkAt(from.directory, from.name), 'place a file', path);
}

/**
 * Moves a bucket to the place of a directory; false where the file system cannot move the directory, as overlayfs may.
 * @throws FILESYSTEM
 */
export function placeBucket(from: NameAt, to: NameAt, path: string): boolean {
  if (renameNewAt(from.directory, from.name, to.directory, to.name) >= 0) return true;
  const errno = lastErrno();
  if (errno !== 'EXDEV' && errno !== 'EINVAL') throw refusal('cannot place a directory', errno, pathText(path));
  return false;
}
