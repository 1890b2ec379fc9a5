import { closeSync, constants, createWriteStream, openSync, statSync } from 'node:fs';
import { link, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, TsimgError } from '../errors.ts';
import { pump } from '../streams/pump.ts';
import { mayWriteIn } from '../sys/file/files.ts';
import { errnoError, filesystemError } from '../sys/file/filesystem-error.ts';
import { O_PATH } from '../sys/file/open-how.ts';
import { syncDirectory } from '../sys/file/replace-text.ts';
import { openTemporaryBeside } from '../sys/file/temporary-beside.ts';
import { lastErrno } from '../sys/libc.ts';

/** The destination of an archive: a path, or a stream such as standard output. */
export type ArchiveDestination =
  | {
      readonly path: string;
      /** Whether a file that is there, and is not empty, is replaced. Default true. */
      readonly replace?: boolean | undefined;
    }
  | { readonly stream: Writable };

/** An archive that is being written. */
export interface ArchiveOutput {
  readonly label: string;
  /** Rejects as soon as the archive cannot be written any more; resolves at its end. */
  readonly written: Promise<void>;
  /** Gives the complete archive its name. */
  commit(): Promise<void>;
  /** Drops the archive: the destination stays as it was. */
  discard(): Promise<void>;
}

interface Place {
  /** The path with links followed: /dev/stdout may be a file that the shell opened. */
  readonly path: string;
  /** Whether it is a pipe or a device, which is written to directly: no file can be renamed onto it. */
  readonly special: boolean;
}

async function placeOf(path: string, replace: boolean): Promise<Place> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) {
      throw new TsimgError('DESTINATION_EXISTS', 'a directory', { where: path, hint: 'name a file' });
    }
    // A pipe has no path of its own: the link to it, such as /dev/stdout, must not be replaced by a file.
    if (!stats.isFile()) return { path, special: true };
    if (!replace && stats.size > 0) {
      throw new TsimgError('DESTINATION_EXISTS', 'the archive exists', {
        where: path,
        hint: 'name another file, or replace it with --force',
      });
    }
    return { path: await realpath(path), special: false };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { path, special: false };
    throw filesystemError('cannot write an archive', path, error);
  }
}

/**
 * Gives a file its name. Where no file may be replaced, a link is made, which fails if another process has made the
 * archive meanwhile. @throws DESTINATION_EXISTS, and Node's errors
 */
async function giveName(temporary: string, path: string, replace: boolean): Promise<void> {
  if (!replace) {
    try {
      await link(temporary, path);
      await rm(temporary);
      return;
    } catch {
      // The name is taken, maybe by an empty file, or the file system has no links.
      await placeOf(path, replace);
    }
  }
  await rename(temporary, path);
}

/** Waits until a stream that stays open has passed on what was written to it, or could not. */
function passedOn(stream: Writable): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(Buffer.alloc(0), (error) => (error ? reject(error) : resolve()));
  });
}

/** An output that is written as the archive is made, so that nothing can be taken back. */
function inOneGo(writing: Promise<void>, label: string): ArchiveOutput {
  const written = writing.catch((error: unknown) => {
    throw filesystemError('cannot write an archive', label, error);
  });
  written.catch(() => {});
  return { label, written, commit: () => written, discard: async () => {} };
}

function isThere(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false }) !== undefined;
}

function noFolder(folder: string, cause?: unknown): TsimgError {
  const hint = `make it first: mkdir -p ${folder}`;
  return new TsimgError('DESTINATION_INVALID', 'no such directory', { where: folder, hint, cause });
}

/** The error for a file that cannot be made in its folder. */
function notMade(path: string, cause: unknown): unknown {
  if (errnoOf(cause) !== 'ENOENT') return filesystemError('cannot write an archive', path, cause);
  const folder = dirname(path);
  // A file system such as /proc answers so where the folder is.
  if (isThere(folder)) {
    const why = `${folder} is on a file system that takes no files`;
    const hint = 'name a file in another directory';
    return new TsimgError('FILESYSTEM', 'cannot write an archive', { where: path, why, hint, cause });
  }
  return noFolder(folder, cause);
}

/**
 * Checks that an archive can have its name, before the work for it begins.
 * @throws DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM
 */
export async function checkArchiveDestination(destination: ArchiveDestination): Promise<void> {
  if ('stream' in destination) return;
  const { path, special } = await placeOf(destination.path, destination.replace ?? true);
  if (special) return;
  const folder = dirname(path);
  if (!isThere(folder)) throw noFolder(folder);
  const fd = openSync(folder, O_PATH | constants.O_DIRECTORY);
  try {
    if (!mayWriteIn(fd)) throw errnoError('cannot write an archive', path, lastErrno());
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes an archive to its destination. A file is written under another name and renamed, so that the name always
 * stands for a complete archive; its mode is 0644 less the umask. What killed writers of the same file have left is
 * removed.
 * @throws DESTINATION_EXISTS, DESTINATION_INVALID, FILESYSTEM
 */
export async function openArchiveOutput(archive: Readable, destination: ArchiveDestination): Promise<ArchiveOutput> {
  if ('stream' in destination) {
    const { stream } = destination;
    return inOneGo(
      pipeline(archive, stream, { end: false }).then(() => passedOn(stream)),
      'standard output',
    );
  }
  const { replace = true } = destination;
  const { path, special } = await placeOf(destination.path, replace);
  if (special) return inOneGo(pipeline(archive, createWriteStream(path)), path);
  const { path: temporary, handle } = await openTemporaryBeside(path, 0o644).catch((error: unknown) => {
    throw notMade(path, error);
  });
  const written = pump([archive], (chunk) => handle.writeFile(chunk)).catch((error: unknown) => {
    throw filesystemError('cannot write an archive', path, error);
  });
  written.catch(() => {});
  return {
    label: path,
    written,
    async commit() {
      await written;
      await handle.datasync();
      // Closed after the rename, so that the file is locked, and no leftover, as long as it has the other name
      await giveName(temporary, path, replace);
      await handle.close();
      await syncDirectory(dirname(path));
    },
    async discard() {
      await written.catch(() => {});
      await rm(temporary, { force: true });
      await handle.close();
    },
  };
}
