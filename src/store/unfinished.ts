import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { PARTIAL_BLOB } from '../store-layout.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { tryLockName } from '../sys/file/lock.ts';
import { namesIn } from './list-folder.ts';

/** Milliseconds for which an unfinished blob is kept that nobody goes on with: a week. */
export const UNFINISHED_AGE = 7 * 24 * 60 * 60 * 1000;

/** An unfinished blob: what a writer that was cut short has left, or one that is still at work. */
export interface Unfinished {
  /** `ALGORITHM-HEX` of the blob's digest. */
  readonly name: string;
  readonly bytes: number;
  /** The time of the last write, in milliseconds since 1970. */
  readonly written: number;
}

/** Lists the unfinished blobs in a directory of them. @throws FILESYSTEM */
export async function listUnfinished(partial: string): Promise<readonly Unfinished[]> {
  const found: Unfinished[] = [];
  for (const name of (await namesIn(partial)).filter((each) => PARTIAL_BLOB.test(each))) {
    try {
      const { size, mtimeMs } = await lstat(join(partial, name));
      found.push({ name, bytes: size, written: mtimeMs });
    } catch (error) {
      // It was completed meanwhile.
      if (errnoOf(error) !== 'ENOENT')
        throw filesystemError('cannot look at an unfinished blob', join(partial, name), error);
    }
  }
  return found;
}

/**
 * Removes unfinished blobs that no process writes and that were last written at least `age` milliseconds ago. Returns
 * those that were removed.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function removeUnfinished(partial: string, age: number): Promise<readonly Unfinished[]> {
  const removed: Unfinished[] = [];
  for (const each of await listUnfinished(partial)) {
    if (each.written > Date.now() - age) continue;
    await using lock = await tryLockName(join(partial, each.name));
    if (lock === undefined) continue;
    const path = join(partial, each.name);
    await rm(path, { force: true, recursive: true }).catch((error: unknown) => {
      throw filesystemError('cannot remove an unfinished blob', path, error);
    });
    removed.push(each);
  }
  return removed;
}
