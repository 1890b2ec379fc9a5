import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { bind, lastErrno, systemCallError } from '../libc.ts';
import { watchLockWait } from './lock-holders.ts';

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

const MODES = { shared: LOCK_SH, exclusive: LOCK_EX } as const;

function lockOf(handle: FileHandle): Lock {
  const close = () => handle.close();
  return { fd: handle.fd, close, [Symbol.asyncDispose]: close };
}

/** Locks an open file; undefined, and the file closed, when another holds the lock. */
async function lockHandle(handle: FileHandle, mode: LockMode, path: string): Promise<Lock | undefined> {
  if (flock(handle.fd, MODES[mode] | LOCK_NB) === 0) return lockOf(handle);
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

async function openForLock(path: string): Promise<FileHandle> {
  try {
    return await openLockFile(path);
  } catch (cause) {
    throw new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), cause });
  }
}

/**
 * A flock(2) on the file at `path`, or undefined when another holds it. Locks of one process exclude each other too.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLock(path: string, mode: LockMode): Promise<Lock | undefined> {
  return lockHandle(await openForLock(path), mode, path);
}

/**
 * The same, waiting until it is free; a warning tells of a wait that takes long. Asks again and again instead of blocking: a blocked
 * thread of Node's pool could not be aborted.
 * @throws FILESYSTEM, SYSTEM_CALL; BUSY where who holds it is stopped and stays so; an AbortError on the context's signal
 */
export async function acquireLock(path: string, mode: LockMode, context: Context = {}): Promise<Lock> {
  const watch = watchLockWait(path, context);
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    context.signal?.throwIfAborted();
    // Opened anew each time: the file may have been removed and made again.
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
