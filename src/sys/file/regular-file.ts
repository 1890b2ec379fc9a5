import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';

export interface RegularFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** Returns the kind of a path that is no regular file, in words. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'it is a directory';
  if (stats.isFIFO()) return 'it is a named pipe';
  if (stats.isSocket()) return 'it is a socket';
  return 'it is a device';
}

const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Undefined where an error says that there is no file. @throws FILESYSTEM for another one */
function missing(path: string, cause: unknown): undefined {
  const errno = errnoOf(cause);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
  const why = errno === 'ELOOP' ? 'it is a symbolic link' : errno === 'ENXIO' ? 'it is a socket' : messageOf(cause);
  throw new TsimgError('FILESYSTEM', 'cannot open a file', { where: path, why, cause });
}

function notRegular(path: string, stats: Stats): TsimgError {
  return new TsimgError('FILESYSTEM', 'not a regular file', { where: path, why: kindOf(stats) });
}

/**
 * Opens a file of an untrusted directory for reading; undefined when it is missing. It must be a regular file: a
 * symbolic link as the last component is refused, because it could lead out of the directory, and a named pipe does not
 * make it wait.
 * @throws FILESYSTEM
 */
export async function openRegularFile(path: string): Promise<RegularFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, READING);
  } catch (cause) {
    return missing(path, cause);
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw notRegular(path, stats);
}

/** Reads to the end, or one byte more than `most`. @param size the likely number of bytes */
function readUpTo(fd: number, size: number, most: number): Buffer {
  let bytes = Buffer.allocUnsafe(Math.min(size, most) + 1);
  for (let length = 0; ; ) {
    const read = readSync(fd, bytes, length, bytes.length - length, null);
    length += read;
    if (read === 0 || length > most) return bytes.subarray(0, length);
    // It grows as it is read
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(2 * length, most + 1));
  }
}

/**
 * Opens a small file as `openRegularFile` does and reads it at once: a stream of Node takes some milliseconds. Of a
 * longer file, the first `most` + 1 bytes are returned.
 * @throws FILESYSTEM; Node's errors of a disk that cannot be read
 */
export function readRegularFile(path: string, most: number): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, READING);
  } catch (cause) {
    return missing(path, cause);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw notRegular(path, stats);
    return readUpTo(fd, stats.size, most);
  } finally {
    closeSync(fd);
  }
}

/**
 * `readRegularFile` below a directory, which follows symbolic links as `openRegularFileBelow`.
 * @throws FILESYSTEM; Node's errors of a disk that cannot be read
 */
export async function readRegularFileBelow(directory: string, name: string, most: number): Promise<Buffer | undefined> {
  try {
    return readRegularFile(join(directory, name), most);
  } catch (error) {
    if (!isLink(error)) throw error;
  }
  const file = await openRegularFileBelow(directory, name);
  try {
    return file && readUpTo(file.handle.fd, file.stats.size, most);
  } finally {
    await file?.handle.close();
  }
}

/** Whether a file was refused because it is a symbolic link. */
function isLink(error: unknown): boolean {
  return error instanceof TsimgError && errnoOf(error.cause) === 'ELOOP';
}

/**
 * Opens a regular file below a directory. A symbolic link is followed if it leads to a file below the directory. The
 * check is made on the opened file, because names may change at any time.
 * @throws FILESYSTEM
 */
export async function openRegularFileBelow(directory: string, name: string): Promise<RegularFile | undefined> {
  const path = join(directory, name);
  try {
    return await openRegularFile(path);
  } catch (error) {
    if (!isLink(error)) throw error;
  }
  const [root, target] = await Promise.all([realpath(directory), realpath(path)]).catch((cause: unknown) => {
    const why = errnoOf(cause) === 'ENOENT' ? 'it is a symbolic link to nothing' : messageOf(cause);
    throw new TsimgError('FILESYSTEM', 'cannot open a file', { where: path, why, cause });
  });
  const isBelow = (place: string) => place.startsWith(root === '/' ? root : `${root}/`);
  const file = isBelow(target) ? await openRegularFile(target) : undefined;
  if (file !== undefined && isBelow(await readlink(`/proc/self/fd/${file.handle.fd}`))) return file;
  await file?.handle.close();
  throw new TsimgError('FILESYSTEM', 'cannot open a file', {
    where: path,
    why: 'it is a symbolic link that leads out of the directory',
    hint: `cp -rL ${directory} COPY makes a copy with the files themselves`,
  });
}
