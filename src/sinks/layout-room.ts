import { lstat, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { hasBlob, type LayoutDirectory } from '../store/blobs.ts';
import { blobPath } from '../store/layout-names.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { acquireLockName, isWithoutLocks, type Lock, tryLockName } from '../sys/file/lock.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';

/** The folder in a layout in which blobs wait until their image is complete. Its writers share a lock in it. */
export const LAYOUT_ROOM = '.tsimg-partial';
/** How often a writer tries to enter a room that others remove at the same moment. */
const TRIES = 100;

/**
 * The place of a layout's blobs before they are published: a layout of its own, in the folder `.tsimg-partial`. Where a
 * writer was killed, the next writer goes on with the blobs that it needs. The last to leave removes the rest.
 */
export interface LayoutRoom {
  readonly staged: LayoutDirectory;
  /** Held while index.json is replaced. */
  readonly indexLock: string;
  /**
   * Moves blobs from the room to the layout; those that another writer has moved must be there. @throws BLOB_NOT_FOUND
   */
  moveOut(blobs: Iterable<Descriptor>): Promise<void>;
  /** Leaves the room. The last one to leave removes it, and the layout's folder where that holds nothing else. */
  leave(): Promise<void>;
}

async function enter(room: string, context: Context): Promise<Lock> {
  for (let left = TRIES; ; left -= 1) {
    await makeDirectory(room, 0o700);
    if (!(await lstat(room)).isDirectory()) {
      throw new TsimgError('FILESYSTEM', 'not a directory', { where: room, hint: `remove it: rm ${room}` });
    }
    try {
      return await acquireLockName(join(room, 'lock'), 'shared', { ...context, isOptional: true });
    } catch (error) {
      const isGone = error instanceof TsimgError && errnoOf(error.cause) === 'ENOENT';
      if (!isGone || left === 0) throw error;
    }
  }
}

async function isMoved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw filesystemError('cannot move a blob to its place', to, error);
  }
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY', 'EINVAL'].includes(errnoOf(error) ?? '')) {
      throw filesystemError('cannot remove a directory', path, error);
    }
  }
}

/**
 * Leaves a room on a file system without locks, where nothing tells whether another writer is in it: unfinished blobs
 * stay, and with them the room.
 */
async function leaveUnlocked(room: string): Promise<void> {
  for (const name of ['lock', 'index.lock']) await rm(join(room, name), { force: true });
  for (const name of ['blobs/sha256', 'blobs/sha512', 'blobs', '.']) await removeIfEmpty(join(room, name));
}

/** Enters the room of the layout at `path`. @throws FILESYSTEM */
export async function enterLayoutRoom(path: string, context: Context): Promise<LayoutRoom> {
  const room = join(path, LAYOUT_ROOM);
  const isNew = (await lstat(path).catch(() => undefined)) === undefined;
  const lock = await enter(room, context);
  return {
    staged: { root: room, partial: room, locksAreOptional: true },
    indexLock: join(room, 'index.lock'),
    async moveOut(blobs) {
      for (const blob of blobs) {
        const to = blobPath(path, blob.digest);
        await makeDirectory(dirname(to));
        if (await isMoved(blobPath(room, blob.digest), to)) continue;
        if (await hasBlob({ root: path, partial: room }, blob)) continue;
        throw new TsimgError('BLOB_NOT_FOUND', 'a blob has vanished while it was written', { where: to });
      }
    },
    async leave() {
      await lock.close();
      try {
        await using last = await tryLockName(join(room, 'lock'));
        if (last === undefined) return;
        await rm(room, { recursive: true, force: true });
      } catch (error) {
        // Another writer left at the same time, and has removed the room.
        if (error instanceof TsimgError && errnoOf(error.cause) === 'ENOENT') return;
        if (!isWithoutLocks(error)) throw error;
        await leaveUnlocked(room);
      }
      if (isNew) await removeIfEmpty(path);
    },
  };
}
