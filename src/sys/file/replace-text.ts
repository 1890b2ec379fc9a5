import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { filesystemError } from './filesystem-error.ts';
import { syncData, syncNames } from './sync.ts';

const FILE_MODE = 0o644;

function openDirectory(path: string): number | undefined {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

/**
 * Writes a directory to the disk, so that renames into it survive a power cut. One that the user may not read cannot be
 * opened: the kernel writes it in its time.
 */
export async function syncDirectory(path: string): Promise<void> {
  const fd = openDirectory(path);
  if (fd === undefined) return;
  try {
    await syncNames(fd, path);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Writes a small file into `partial` (on the same file system), waits until the disk has its bytes, and renames it to
 * `path`: readers see the whole new file or the old one, also after a power cut. Its permission bits are `mode`,
 * whatever the umask.
 * @throws FILESYSTEM
 */
export async function replaceText(
  path: string,
  partial: string,
  text: string,
  mode: number = FILE_MODE,
): Promise<void> {
  const temporary = join(partial, `${basename(path)}.${randomUUID()}`);
  try {
    const fd = fs.openSync(temporary, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, mode);
    try {
      fs.writeFileSync(fd, text);
      fs.fchmodSync(fd, mode);
      // Without this, a power cut after the rename can leave a file of the right name without content
      await syncData(fd, temporary);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw filesystemError('cannot write a file', path, error);
  }
  await syncDirectory(dirname(path));
}
