import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, messageOf, TsimgError } from '../errors.ts';

export interface RegularFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** What stands at a path where a file should be, in words. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'it is a directory';
  if (stats.isFIFO()) return 'it is a named pipe';
  if (stats.isSocket()) return 'it is a socket';
  return 'it is a device';
}

/**
 * Opens what somebody else put there, for reading: a regular file or nothing. A symbolic link as last component is refused
 * (it could lead out of the directory), and opening never waits (a named pipe would).
 * Undefined when there is nothing.
 * @throws FILESYSTEM
 */
export async function openRegularFile(path: string): Promise<RegularFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    const why = errno === 'ELOOP' ? 'it is a symbolic link' : errno === 'ENXIO' ? 'it is a socket' : messageOf(cause);
    throw new TsimgError('FILESYSTEM', 'cannot open a file', { where: path, why, cause });
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw new TsimgError('FILESYSTEM', 'not a regular file', { where: path, why: kindOf(stats) });
}
