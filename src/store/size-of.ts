import { lstat } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';

/** Returns the bytes of a file of the store; undefined where it is missing. @throws FILESYSTEM */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw filesystemError('cannot look at a file of the store', path, error);
  }
}
