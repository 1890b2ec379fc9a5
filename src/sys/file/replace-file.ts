import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { filesystemError } from './filesystem-error.ts';

const FILE_MODE = 0o644;

/**
 * Writes a directory to the disk, so that renames into it survive a power cut. One that the user may not read cannot be
 * opened: the kernel writes it in its time.
 */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    if (errnoOf(error) === 'EACCES') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file into `partial` (on the same file system), waits until the disk has its bytes, and renames it to `path`:
 * readers see the whole new file or the old one. Its permission bits are `mode`, whatever the umask.
 * @param fill writes the content; after an error of it nothing has changed
 * @throws FILESYSTEM, and the errors of `fill`
 */
export async function replaceFile(
  path: string,
  partial: string,
  fill: (write: (chunk: Uint8Array) => Promise<unknown>) => Promise<void>,
  mode: number = FILE_MODE,
): Promise<void> {
  const temporary = join(partial, `${basename(path)}.${randomUUID()}`);
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      await fill((chunk) => handle.writeFile(chunk));
      await handle.chmod(mode);
      // Without this, a power cut after the rename can leave a file of the right name without content
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw filesystemError('cannot write a file', path, error);
  }
}

/** `replaceFile` with a text; the rename survives a power cut too. */
export async function replaceText(path: string, partial: string, text: string, mode?: number): Promise<void> {
  await replaceFile(path, partial, async (write) => void (await write(Buffer.from(text))), mode);
  await syncDirectory(dirname(path));
}
