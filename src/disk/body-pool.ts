import { closeSync, ftruncateSync, writeSync } from 'node:fs';
import { pathText } from '../rootfs/path.ts';
import { linkAt, OPEN, openAt, renameNewAt, unlinkAt } from '../sys/files.ts';
import { lastErrno } from '../sys/libc.ts';
import type { NameAt } from './directory-stack.ts';
import { attempt, done, refusal } from './refusal.ts';

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

/** @param size bytes that it must have: a hole at its end has not been written @throws FILESYSTEM */
export function finishBody(body: OpenBody, size: number, written: number, where: string): void {
  try {
    if (written !== size) attempt('store a file', where, () => ftruncateSync(body.descriptor, size));
  } finally {
    closeBody(body);
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
