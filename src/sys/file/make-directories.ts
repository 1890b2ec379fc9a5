import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { filesystemError } from './filesystem-error.ts';

const DIRECTORY_MODE = 0o755;

/** Makes one directory; false where it exists. @throws Node's errors */
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
 * Makes a directory and its missing parents, with these permission bits whatever the umask. An existing directory stays
 * as it is. mkdir of Node with `recursive` loops forever where a file system answers ENOENT in an existing directory,
 * as /proc does.
 * @throws FILESYSTEM where no directory can be made; Node's errors
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
        why: `${parent} is on a file system that takes no directories`,
        hint: 'choose another place: --root, or $HOME',
        facts: { errno: 'ENOENT' },
        cause,
      });
    }
  }
  chmodSync(path, mode);
}

/** `makeDirectories` with errors of tsimg, and readable for all by default. @throws FILESYSTEM */
export async function makeDirectory(path: string, mode: number = DIRECTORY_MODE): Promise<void> {
  try {
    makeDirectories(path, mode);
  } catch (error) {
    throw filesystemError('cannot make a directory', path, error);
  }
}
