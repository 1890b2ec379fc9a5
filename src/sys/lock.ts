import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, TsimgError } from '../errors.ts';
import { bind, lastErrno, systemCallError } from './libc.ts';

/** Held until it is closed, or until this process ends in whatever way: the kernel gives it back. */
export interface Lock extends AsyncDisposable {
  /** Its file: a process that inherits the descriptor holds the lock too, for as long as it keeps it. */
  readonly fd: number;
  close(): Promise<void>;
}

export type LockMode = 'shared' | 'exclusive';

// flock(2)
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const flock = bind<[fd: number, operation: number]>('int flock(int fd, int operation)');

/** Milliseconds between two tries: from quick to patient. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;

/** The lock file, made when it is not there; read-only where the file system is. */
async function openLockFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EROFS' && errno !== 'EACCES') throw error;
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  }
}

/** Locks an open file; undefined, and the file closed, when another holds the lock. */
async function lockHandle(handle: FileHandle, mode: LockMode, path: string): Promise<Lock | undefined> {
  const result = flock(handle.fd, (mode === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB);
  if (result === 0) {
    const close = () => handle.close();
    return { fd: handle.fd, close, [Symbol.asyncDispose]: close };
  }
  const busy = lastErrno() === 'EAGAIN';
  const error = busy ? undefined : systemCallError('flock', path);
  await handle.close();
  if (error !== undefined) throw error;
  return undefined;
}

/**
 * Locks an open file or directory for as long as its descriptor stays open; false when another holds it. @throws SYSTEM_CALL
 */
export function lockDescriptor(descriptor: number, where: string): boolean {
  if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true;
  if (lastErrno() === 'EAGAIN') return false;
  throw systemCallError('flock', where);
}

/**
 * A flock(2) on the file at `path`, or undefined when another holds it. Locks of one process exclude each other too.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLock(path: string, mode: LockMode): Promise<Lock | undefined> {
  let handle: FileHandle;
  try {
    handle = await openLockFile(path);
  } catch (cause) {
    throw new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), cause });
  }
  return lockHandle(handle, mode, path);
}

/**
 * The same, waiting until it is free. Asks again and again instead of blocking: a blocked thread of Node's pool could not be
 * aborted.
 * @throws FILESYSTEM, SYSTEM_CALL; an AbortError on `signal`
 */
export async function acquireLock(path: string, mode: LockMode, signal?: AbortSignal): Promise<Lock> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    signal?.throwIfAborted();
    const lock = await tryLock(path, mode);
    if (lock !== undefined) return lock;
    await sleep(pause, undefined, { signal });
  }
}

/**
 * The same on a directory that is there, for which it needs no file of its own: undefined when another holds it or it is gone.
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

/** Opens a lock file that is there already; undefined where it is not. */
async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), cause });
  }
}

/** Whether somebody holds the exclusive lock of a file; false where the file is gone. Nothing is made. @throws FILESYSTEM, SYSTEM_CALL */
export async function isLocked(path: string): Promise<boolean> {
  const handle = await openExisting(path);
  if (handle === undefined) return false;
  const lock = await lockHandle(handle, 'shared', path);
  await lock?.close();
  return lock === undefined;
}

/**
 * Waits until nobody holds the exclusive lock of a file, and holds a shared one of it then; undefined where there is no such
 * file. What is read by its descriptor is what the last holder left, even where the file was removed meanwhile.
 * @throws FILESYSTEM, SYSTEM_CALL; an AbortError on `signal`
 */
export async function awaitUnlocked(path: string, signal?: AbortSignal): Promise<Lock | undefined> {
  const handle = await openExisting(path);
  if (handle === undefined) return undefined;
  const close = () => handle.close();
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
    await close();
    throw error;
  }
  return { fd: handle.fd, close, [Symbol.asyncDispose]: close };
}
