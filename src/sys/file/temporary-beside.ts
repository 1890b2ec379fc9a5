import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { isWithoutLocks, lockDescriptor, tryLockName } from './lock.ts';

/**
 * A file beside the place that it gets by a rename; locked as long as it is open, so that nobody takes it for a
 * leftover. Where the file system has no locks, leftovers stay.
 */
export interface TemporaryBeside {
  readonly path: string;
  readonly handle: FileHandle;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The start of the names of files that become `path`: hidden. */
const prefixOf = (path: string) => `.${basename(path)}.`;

/** Removes a file of this user that no process has locked. A file that cannot be removed stays. */
async function removeLeftover(path: string): Promise<void> {
  try {
    const stats = await lstat(path);
    // A FIFO of another user would block this process when it opens the file.
    if (!stats.isFile() || stats.uid !== process.geteuid?.()) return;
    await using lock = await tryLockName(path);
    if (lock !== undefined) await rm(path, { force: true });
  } catch (error) {
    const isGone = errnoOf(error) === 'ENOENT';
    const stays = isWithoutLocks(error) || (error instanceof TsimgError && error.code === 'FILESYSTEM');
    if (!isGone && !stays) throw error;
  }
}

/** The names in a folder; none where the user may not read it, though write into it. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return [];
    throw error;
  }
}

/** Removes files that killed writers of `path` have left beside it. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = prefixOf(path);
  for (const name of await namesIn(folder)) {
    if (name.startsWith(prefix) && UUID.test(name.slice(prefix.length))) await removeLeftover(join(folder, name));
  }
}

/**
 * Makes a file in the folder of `path`, to be renamed to `path`, and removes those that killed writers of the same path
 * have left there. Its mode is `mode` less the umask.
 * @throws Node's errors, such as ENOENT where there is no such folder
 */
export async function openTemporaryBeside(path: string, mode: number): Promise<TemporaryBeside> {
  await removeLeftovers(path);
  for (;;) {
    const temporary = join(dirname(path), `${prefixOf(path)}${randomUUID()}`);
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      // Another writer may have taken the file for a leftover before it was locked.
      const isOurs = lockDescriptor(handle.fd, temporary) !== 'held';
      if (isOurs && (await lstat(temporary).catch(() => undefined)) !== undefined) return { path: temporary, handle };
    } catch (error) {
      await handle.close();
      await rm(temporary, { force: true });
      throw error;
    }
    await handle.close();
  }
}
