import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { bind, lastErrno, systemCallError } from '../libc.ts';
import { watchLockWait } from './lock-holders.ts';

/** A lock, held until it is closed or until this process ends in any way: the kernel releases it then. */
export interface Lock extends AsyncDisposable {
  /** The lock file. A process that inherits the descriptor holds the lock too, as long as it keeps the descriptor. */
  readonly fd: number;
  close(): Promise<void>;
}

export type LockMode = 'shared' | 'exclusive';

// flock(2)
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const flock = bind<[fd: number, operation: number]>('int flock(int fd, int operation)');

/** Milliseconds between two tries, first and longest. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;

/** Opens the lock file and makes it when it is missing; read-only where the file system is. */
async function openLockFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EROFS' && errno !== 'EACCES') throw error;
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  }
}

const MODES = { shared: LOCK_SH, exclusive: LOCK_EX } as const;

function lockOf(handle: FileHandle): Lock {
  const close = () => handle.close();
  return { fd: handle.fd, close, [Symbol.asyncDispose]: close };
}

/** Locks an open file; closes it and returns undefined when another process holds the lock. */
async function lockHandle(handle: FileHandle, mode: LockMode, path: string): Promise<Lock | undefined> {
  if (flock(handle.fd, MODES[mode] | LOCK_NB) === 0) return lockOf(handle);
  const busy = lastErrno() === 'EAGAIN';
  const error = busy ? undefined : systemCallError('flock', path);
  await handle.close();
  if (error !== undefined) throw error;
  return undefined;
}

/**
 * Locks an open file or directory as long as its descriptor is open; false when another process holds the lock.
 * @throws SYSTEM_CALL
 */
export function lockDescriptor(descriptor: number, where: string): boolean {
  if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true;
  if (lastErrno() === 'EAGAIN') return false;
  throw systemCallError('flock', where);
}

async function openForLock(path: string): Promise<FileHandle> {
  try {
    return await openLockFile(path);
  } catch (cause) {
    throw new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), cause });
  }
}

/**
 * Takes a flock(2) on the file at `path`; undefined when it is held already, also by this process.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLock(path: string, mode: LockMode): Promise<Lock | undefined> {
  return lockHandle(await openForLock(path), mode, path);
}

/**
 * Takes a flock(2) on the file at `path`, and waits until it is free. After a long wait a warning names the holder. It
 * tries again and again, because a thread of Node that is blocked in flock(2) could not be aborted.
 * @throws FILESYSTEM, SYSTEM_CALL; BUSY where the holder is a stopped process that stays stopped; an AbortError on the
 *   signal of the context
 */
export async function acquireLock(path: string, mode: LockMode, context: Context = {}): Promise<Lock> {
  const watch = watchLockWait(path, context);
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    context.signal?.throwIfAborted();
    // Opened again for each try, because the file may have been removed and made again
    const handle = await openForLock(path);
    try {
      if (flock(handle.fd, MODES[mode] | LOCK_NB) === 0) return lockOf(handle);
      if (lastErrno() !== 'EAGAIN') throw systemCallError('flock', path);
      await sleep(pause, undefined, { signal: context.signal });
      watch(pause, handle.fd);
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
  }
}

/**
 * Takes a flock(2) on an existing directory, which needs no lock file; undefined when it is held already or the
 * directory is gone.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLockDirectory(path: string): Promise<Lock | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new TsimgError('FILESYSTEM', 'cannot open a directory', { where: path, why: messageOf(cause), cause });
  }
  return lockHandle(handle, 'exclusive', path);
}

/** Opens an existing lock file; undefined where it is missing. */
async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), cause });
  }
}

/**
 * Whether the exclusive lock of a file is held; false where the file is missing. It makes no file.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function isLocked(path: string): Promise<boolean> {
  const handle = await openExisting(path);
  if (handle === undefined) return false;
  const lock = await lockHandle(handle, 'shared', path);
  await lock?.close();
  return lock === undefined;
}

/**
 * Waits until the exclusive lock of a file is free, and takes a shared one; undefined where the file is missing. The
 * descriptor shows the file as the last holder left it, even if it was removed meanwhile.
 * @throws FILESYSTEM, SYSTEM_CALL; an AbortError on `signal`
 */
export async function awaitUnlocked(path: string, signal?: AbortSignal): Promise<Lock | undefined> {
  const handle = await openExisting(path);
  if (handle === undefined) return undefined;
  try {
    for (
      let pause = FIRST_PAUSE;
      flock(handle.fd, LOCK_SH | LOCK_NB) !== 0;
      pause = Math.min(pause * 2, LONGEST_PAUSE)
    ) {
      if (lastErrno() !== 'EAGAIN') throw systemCallError('flock', path);
      await sleep(pause, undefined, { signal });
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  return lockOf(handle);
}
