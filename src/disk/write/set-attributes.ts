import { type Form, type NodeOnDisk, realAttributes, withoutOwner } from '../../rootfs/fold/real-attributes.ts';
import { pathText } from '../../rootfs/path.ts';
import { type Tolerated, tolerate } from '../../rootfs/tolerated.ts';
import { chmodAt, chownAt, setTimesAt, setXattrAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { type BodyPool, isFinishedIn } from './body-pool.ts';

/** The errnos of a file system that does not keep an attribute, or not for this user. */
const XATTR_REFUSALS: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'E2BIG']);

export interface SetOptions {
  /** For errors and counts, bytes. */
  readonly path: string;
  readonly form: Form;
  /** The pool of its body, in which it may have got its attributes already. */
  readonly pool?: BodyPool | undefined;
  readonly tolerated: Tolerated;
}

/**
 * Sets the owner, mode, xattrs and times of a new file, in this order: chown clears setuid bits and file capabilities,
 * and each of the calls changes a time.
 * @throws FILESYSTEM, POLICY_VIOLATED
 */
export function setAttributes(at: NameAt, node: NodeOnDisk, options: SetOptions): void {
  const { directory, name } = at;
  const { path, form, pool, tolerated } = options;
  const intended = realAttributes(node, form);
  for (const tolerance of intended.tolerated) tolerate(tolerated, tolerance, path);
  if (pool !== undefined && isFinishedIn(pool, intended)) return;
  const real =
    intended.owner === undefined || setOwner(at, intended.owner, path) ? intended : withoutOwner(intended, node);
  if (real !== intended) {
    tolerate(tolerated, 'unmapped-owners', path);
    setOwner(at, { uid: 0, gid: 0 }, path);
  }
  const { mode, xattrs, mtime } = real;
  if (mode !== undefined) check(chmodAt(directory, name, mode), 'set the mode', path);
  for (const [attribute, value] of xattrs) {
    if (setXattrAt(directory, name, attribute, value) >= 0) continue;
    const errno = lastErrno();
    if (!XATTR_REFUSALS.has(errno)) throw refusal(`cannot set ${pathText(attribute)}`, errno, pathText(path));
    tolerate(tolerated, 'xattrs', path);
  }
  check(setTimesAt(directory, name, mtime.seconds, mtime.nanoseconds), 'set the time', path);
}

/** Returns false where this user namespace does not have the ID. @throws FILESYSTEM */
function setOwner({ directory, name }: NameAt, { uid, gid }: { uid: number; gid: number }, path: string): boolean {
  if (chownAt(directory, name, uid, gid) >= 0) return true;
  const errno = lastErrno();
  if (errno === 'EINVAL') return false;
  throw refusal(`cannot give the file to ${uid}:${gid}`, errno, pathText(path));
}
