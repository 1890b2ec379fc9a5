import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { filesystemError } from './filesystem-error.ts';

const DIRECTORY_MODE = 0o755;

/** Whether it was made; false where a directory is there. @throws Node's errors */
function makeOne(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
    return false;
  }
}

/**
 * Makes a directory with these permission bits, whatever the umask takes away, and those above it that are missing. One that is there
 * stays as it is. Node's own way asks again without end where a file system answers ENOENT in a directory that is there, as /proc
 * does, and hears no signal.
 * @throws FILESYSTEM where nothing can be made; Node's errors
 */
export function makeDirectories(path: string, mode: number): void {
  try {
    if (!makeOne(path, mode)) return;
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || parent === path) throw error;
    makeDirectories(parent, mode);
    try {
      if (!makeOne(path, mode)) return;
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw cause;
      throw new TsimgError('FILESYSTEM', 'no directory can be made there', {
        where: path,
        why: `${parent} is on a file system that takes none`,
        hint: 'choose another place: --root, or $HOME',
        facts: { errno: 'ENOENT' },
        cause,
      });
    }
  }
  chmodSync(path, mode);
}

/** `makeDirectories` with errors of tsimg, for directories that anybody may read. @throws FILESYSTEM */
export async function makeDirectory(path: string, mode: number = DIRECTORY_MODE): Promise<void> {
  try {
    makeDirectories(path, mode);
  } catch (error) {
    throw filesystemError('cannot make a directory', path, error);
  }
}
