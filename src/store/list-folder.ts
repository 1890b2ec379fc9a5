import { readdir } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';

/** Lists the names in a folder of the store; a missing folder has none. @throws FILESYSTEM */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw filesystemError('cannot list a directory of the store', directory, error);
  }
}
