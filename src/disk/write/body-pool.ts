import type { Bucket } from '../../rootfs/body.ts';
import type { Form, RealAttributes } from '../../rootfs/fold/real-attributes.ts';
import { pathText } from '../../rootfs/path.ts';
import { linkAt, renameNewAt, unlinkAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';

/** Where bodies are stored. */
export interface BodyPool {
  /** Descriptor of a directory that only tsimg writes into. */
  readonly directory: number;
  /** How they become files, of which they get what they can at once; undefined where only content is wanted. */
  readonly finish?: { readonly form: Form; readonly uid: number; readonly gid: number } | undefined;
}

/** A pool of bodies that become files of this process's user, or of others. */
export function bodyPool(directory: number, form: Form): BodyPool {
  const [uid, gid] = [process.geteuid?.() ?? -1, process.getegid?.() ?? -1];
  return { directory, finish: { form, uid, gid } };
}

/**
 * Whether a body gets all its attributes when it is stored, so that its place is all that is left to give: on a descriptor that is
 * open anyway, in a thread. Other owners may not be there, and xattrs be refused: that is counted where the fold is.
 */
export function isFinishedIn({ finish }: BodyPool, { owner, xattrs }: RealAttributes): boolean {
  if (finish === undefined || xattrs.size > 0) return false;
  return owner === undefined || (owner.uid === finish.uid && owner.gid === finish.gid);
}

/** Gives a body its place: a rename, so it can be done once; never in place of anything. @throws FILESYSTEM */
export function placeBody(from: NameAt, to: NameAt, path: string): void {
  if (renameNewAt(from.directory, from.name, to.directory, to.name) >= 0) return;
  const errno = lastErrno();
  // Some network file systems have no rename that refuses to replace; link refuses everywhere
  if (errno !== 'EINVAL') throw refusal('cannot place a file', errno, pathText(path));
  check(linkAt(from.directory, from.name, to.directory, to.name), 'place a file', path);
  check(unlinkAt(from.directory, from.name), 'place a file', path);
}

/** Makes a directory of a bucket; false where the file system does not move directories so: overlayfs does not move all. @throws FILESYSTEM */
export function placeBucket(pool: number, { name }: Bucket, to: NameAt, path: string): boolean {
  if (renameNewAt(pool, name, to.directory, to.name) >= 0) return true;
  const errno = lastErrno();
  if (errno !== 'EXDEV' && errno !== 'EINVAL') throw refusal('cannot place a directory', errno, pathText(path));
  return false;
}
