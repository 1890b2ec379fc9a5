import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { bind, lastErrno, systemCallError } from '../libc.ts';
import { watchLockWait } from './lock-holders.ts';

/** A lock, held until it is closed or until this process ends in any way: the kernel releases it then. */
export interface Lock extends AsyncDisposable {
  /** The lock file. A process that inherits the descriptor holds the lock too, as long as it keeps the descriptor. */
  readonly fd: number;
  /** Whether `fd` can be written to. Absent: it was not opened for that. */
  readonly isWritable?: boolean | undefined;
  close(): Promise<void>;
}

export type LockMode = 'shared' | 'exclusive';

// flock(2)
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const flock = bind<[fd: number, operation: number]>('int flock(int fd, int operation)');

/** The errnos of file systems without locks: some of networks and of FUSE. flock(2), fcntl_locking(2) */
const WITHOUT_LOCKS: ReadonlySet<unknown> = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOLCK']);

/** Whether a lock failed because its file system has none. */
export function isWithoutLocks(error: unknown): boolean {
  return error instanceof TsimgError && error.code === 'SYSTEM_CALL' && WITHOUT_LOCKS.has(error.facts?.errno);
}

/** How a lock is waited for. */
export interface LockContext extends Context {
  /** Whether a file system without locks is accepted: then nothing is locked. Default: it is refused. */
  readonly isOptional?: boolean | undefined;
}

/** Milliseconds between two tries, first and longest. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;

// Opening and closing take microseconds, and a trip to a thread of Node a hundred: each blob that is written has a lock.
type OpenFile = Pick<Lock, 'fd' | 'isWritable'>;

/** No named pipe in the place of a lock file may make this process wait. */
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens the lock file and makes it when it is missing; read-only where the file system is. */
function openLockFile(path: string): OpenFile {
  try {
    return { fd: openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600), isWritable: true };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EROFS' && errno !== 'EACCES') throw error;
    try {
      return { fd: openSync(path, READ_ONLY), isWritable: false };
    } catch (second) {
      // A file that is missing was to be made: what kept it from that is the cause.
      throw errnoOf(second) === 'ENOENT' ? error : second;
    }
  }
}

/** Remedies that name a store, whose folder a user chooses; other lock files are in a folder that the call names. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['EROFS', 'mount it writable; of a store, name another folder with --root or $TSIMG_ROOT'],
  ['EACCES', 'check its owner and mode; of a store, name a folder of your own with --root or $TSIMG_ROOT'],
]);

function lockFileError(path: string, cause: unknown): TsimgError {
  const hint = HINTS.get(errnoOf(cause) ?? '');
  return new TsimgError('FILESYSTEM', 'cannot open a lock file', { where: path, why: messageOf(cause), hint, cause });
}

const MODES = { shared: LOCK_SH, exclusive: LOCK_EX } as const;

function lockOf({ fd, isWritable }: OpenFile): Lock {
  let isOpen = true;
  const close = async () => {
    // A second time, the number may be that of another file.
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return { fd, isWritable, close, [Symbol.asyncDispose]: close };
}

/** Locks an open file; closes it and returns undefined when another process holds the lock. */
function lockFile(open: OpenFile, mode: LockMode, path: string): Lock | undefined {
  if (flock(open.fd, MODES[mode] | LOCK_NB) === 0) return lockOf(open);
  const busy = lastErrno() === 'EAGAIN';
  const error = busy ? undefined : systemCallError('flock', path);
  closeSync(open.fd);
  if (error !== undefined) throw error;
  return undefined;
}

/**
 * Locks an open file or directory as long as its descriptor is open. `held`: another process holds the lock; `none`:
 * the file system has no locks.
 * @throws SYSTEM_CALL
 */
export function lockDescriptor(descriptor: number, where: string): 'locked' | 'held' | 'none' {
  if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return 'locked';
  const errno = lastErrno();
  if (errno === 'EAGAIN') return 'held';
  if (WITHOUT_LOCKS.has(errno)) return 'none';
  throw systemCallError('flock', where);
}

function openForLock(path: string): OpenFile {
  try {
    return openLockFile(path);
  } catch (cause) {
    throw lockFileError(path, cause);
  }
}

/**
 * Takes a flock(2) on the file at `path`; undefined when it is held already, also by this process.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLock(path: string, mode: LockMode): Promise<Lock | undefined> {
  return lockFile(openForLock(path), mode, path);
}

/**
 * Takes a flock(2) on the file at `path`, and waits until it is free. After a long wait a warning names the holder. It
 * tries again and again, because a thread of Node that is blocked in flock(2) could not be aborted.
 * @throws FILESYSTEM, SYSTEM_CALL; BUSY where the holder is a stopped process that stays stopped; an AbortError on the
 *   signal of the context
 */
export async function acquireLock(path: string, mode: LockMode, context: LockContext = {}): Promise<Lock> {
  const watch = watchLockWait(path, context);
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    context.signal?.throwIfAborted();
    // The file is opened again for each try, because it may have been removed and made again
    const open = openForLock(path);
    try {
      if (flock(open.fd, MODES[mode] | LOCK_NB) === 0) return lockOf(open);
      const errno = lastErrno();
      if (context.isOptional && WITHOUT_LOCKS.has(errno)) return lockOf(open);
      if (errno !== 'EAGAIN') throw systemCallError('flock', path);
      await sleep(pause, undefined, { signal: context.signal });
      watch(pause, open.fd);
    } catch (error) {
      closeSync(open.fd);
      throw error;
    }
    closeSync(open.fd);
  }
}

/** Whether a path stands for the file that a lock is on: a holder may have renamed or removed that file. */
function isNameOf(path: string, { fd }: Lock): boolean {
  const held = fstatSync(fd);
  const named = lstatSync(path, { throwIfNoEntry: false });
  return named?.dev === held.dev && named.ino === held.ino;
}

/**
 * As `tryLock` with an exclusive lock, for a file that its holders rename or remove: undefined too where that happened
 * meanwhile.
 */
export async function tryLockName(path: string): Promise<Lock | undefined> {
  const lock = await tryLock(path, 'exclusive');
  if (lock === undefined || isNameOf(path, lock)) return lock;
  await lock.close();
  return undefined;
}

/**
 * As `acquireLock`, for a file that its holders rename or remove: the lock is on the file that has the name now.
 * @throws as `acquireLock`
 */
export async function acquireLockName(path: string, mode: LockMode, context: LockContext = {}): Promise<Lock> {
  for (;;) {
    const lock = await acquireLock(path, mode, context);
    if (isNameOf(path, lock)) return lock;
    await lock.close();
  }
}

/**
 * Takes a flock(2) on an existing directory, which needs no lock file; undefined when it is held already or the
 * directory is gone.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function tryLockDirectory(path: string): Promise<Lock | undefined> {
  let fd: number;
  try {
    fd = openSync(path, READ_ONLY | constants.O_DIRECTORY);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new TsimgError('FILESYSTEM', 'cannot open a directory', { where: path, why: messageOf(cause), cause });
  }
  return lockFile({ fd, isWritable: false }, 'exclusive', path);
}

/** Opens an existing lock file; undefined where it is missing. */
function openExisting(path: string): number | undefined {
  try {
    return openSync(path, READ_ONLY);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw lockFileError(path, cause);
  }
}

/**
 * Whether the exclusive lock of a file is held; false where the file is missing. It makes no file.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function isLocked(path: string): Promise<boolean> {
  const fd = openExisting(path);
  if (fd === undefined) return false;
  const lock = lockFile({ fd, isWritable: false }, 'shared', path);
  await lock?.close();
  return lock === undefined;
}

/**
 * Waits until the exclusive lock of a file is free, and takes a shared one; undefined where the file is missing. The
 * descriptor shows the file as the last holder left it, even if it was removed meanwhile.
 * @throws FILESYSTEM, SYSTEM_CALL; an AbortError on `signal`
 */
export async function awaitUnlocked(path: string, signal?: AbortSignal): Promise<Lock | undefined> {
  const fd = openExisting(path);
  if (fd === undefined) return undefined;
  try {
    for (let pause = FIRST_PAUSE; flock(fd, LOCK_SH | LOCK_NB) !== 0; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      if (lastErrno() !== 'EAGAIN') throw systemCallError('flock', path);
      await sleep(pause, undefined, { signal });
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return lockOf({ fd, isWritable: false });
}
