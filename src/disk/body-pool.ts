import { closeSync, fchmodSync, fchownSync, ftruncateSync, writeSync } from 'node:fs';
import { pathText } from '../rootfs/path.ts';
import { type Form, type RealAttributes, realAttributes } from '../rootfs/real-attributes.ts';
import { linkAt, OPEN, openAt, renameNewAt, setTimes, unlinkAt } from '../sys/files.ts';
import { lastErrno } from '../sys/libc.ts';
import type { TarHeader } from '../tar/header.ts';
import type { NameAt } from './directory-stack.ts';
import { attempt, done, refusal } from './refusal.ts';

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

/** A body that is being written. */
export interface OpenBody {
  readonly descriptor: number;
}

/**
 * Makes an empty file in the pool, a directory that only tsimg writes into. Its name is a number of tsimg's own:
 * nothing of an archive is a name until the whole tree is known.
 * @throws FILESYSTEM
 */
export function createBody(pool: number, number: number): OpenBody {
  const flags = OPEN.writeOnly | OPEN.create | OPEN.exclusive;
  return { descriptor: done(openAt(pool, String(number), flags, 0o600), 'store a file', String(number)) };
}

/** Writes bytes at an offset of the body; what is never written stays a hole. @throws FILESYSTEM */
export function writeBody(body: OpenBody, chunk: Buffer, position: number, where: string): void {
  attempt('store a file', where, () => {
    for (let done = 0; done < chunk.length; ) {
      done += writeSync(body.descriptor, chunk, done, chunk.length - done, position + done);
    }
  });
}

/**
 * Whether a body gets all its attributes when it is stored, so that its place is all that is left to give: by a call each on a
 * descriptor that is open anyway, in a thread. Other owners may not be there, and xattrs be refused: that is counted where
 * the fold is.
 */
export function isFinishedIn({ finish }: BodyPool, { owner, xattrs }: RealAttributes): boolean {
  if (finish === undefined || xattrs.size > 0) return false;
  return owner === undefined || (owner.uid === finish.uid && owner.gid === finish.gid);
}

/**
 * Closes a body. @param entry what it is the content of @param written its bytes up to the end of what was written: a hole at
 * its end is not @throws FILESYSTEM
 */
export function finishBody(pool: BodyPool, { descriptor }: OpenBody, entry: TarHeader, written: number): void {
  const { size, path } = entry;
  const attributes = pool.finish && realAttributes(entry, 'file', pool.finish.form);
  try {
    attempt('store a file', pathText(path), () => {
      if (written !== size) ftruncateSync(descriptor, size);
    });
    if (attributes === undefined || !isFinishedIn(pool, attributes)) return;
    const { owner, mode, mtime } = attributes;
    attempt('store a file', pathText(path), () => {
      // chown takes setuid bits away, and all of them change a time
      if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
      if (mode !== undefined) fchmodSync(descriptor, mode);
    });
    done(setTimes(descriptor, mtime.seconds, mtime.nanoseconds), 'set the time', path);
  } finally {
    closeSync(descriptor);
  }
}

/** Closes a body without regard for its content. */
export function closeBody(body: OpenBody): void {
  closeSync(body.descriptor);
}

/** Gives a body its place: a rename, so it can be done once; never in place of anything. @throws FILESYSTEM */
export function placeBody(pool: number, number: number, to: NameAt, path: string): void {
  const from = String(number);
  if (renameNewAt(pool, from, to.directory, to.name) >= 0) return;
  const errno = lastErrno();
  // Some network file systems have no rename that refuses to replace; link refuses everywhere
  if (errno !== 'EINVAL') throw refusal('cannot place a file', errno, pathText(path));
  done(linkAt(pool, from, to.directory, to.name), 'place a file', path);
  done(unlinkAt(pool, from), 'place a file', path);
}
