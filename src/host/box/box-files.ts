import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { O_CLOEXEC, O_PATH } from '../../sys/file/open-how.ts';
import * as files from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { Holder } from './holder.ts';
import { rootIds } from './scratch.ts';

// The files of a box, read and written from outside by its holder's stub. Paths are resolved by the kernel within the
// scratch (RESOLVE_IN_ROOT): links lead where they lead in the container, or nowhere, whatever a process of the box
// does meanwhile.

/** The type of an entry of a directory in a box. */
export type BoxEntryKind = 'file' | 'directory' | 'link' | 'other';

/** An entry of a directory in a box. */
export interface BoxEntry {
  /** Bytes that are not UTF-8 are replaced by U+FFFD: such a file can be seen, but not read by this name. */
  readonly name: string;
  readonly kind: BoxEntryKind;
  /** Bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A place of a box: the scratch, and a path below it such as `sandbox/a.txt`. */
export interface BoxPlace {
  readonly holder: Holder;
  readonly scratch: string;
  readonly path: string;
}

const { O_CREAT, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const TMPFS_MAGIC = 0x0102_1994;
/** The most bytes that are written by one call. */
const CHUNK = 1024 * 1024;

function failed(what: string, { path }: BoxPlace, cause: unknown): TsimgError {
  if (cause instanceof TsimgError && cause.code !== 'SYSTEM_CALL') return cause;
  const errno = errnoOf(cause) ?? 'unknown';
  const isFull = ['ENOSPC', 'EDQUOT'].includes(errno);
  const hint = isFull ? 'give the sandbox a larger `disk`' : undefined;
  const code = isFull ? 'LIMIT_EXCEEDED' : 'FILESYSTEM';
  return new TsimgError(code, what, { where: `/${path}`, why: errno, hint, facts: { errno }, cause });
}

/** Calls with the open root of a scratch. */
function withRoot<T>({ holder: { stub }, scratch }: BoxPlace, use: (root: number) => T): T {
  return files.withDescriptor(stub, files.openPath(stub, scratch, O_PATH | O_DIRECTORY), (root) => {
    if (files.fileSystemOf(stub, root) === TMPFS_MAGIC) return use(root);
    // What would be written is on the host's disk, without any bound.
    throw new TsimgError('CONTAINER_STATE', 'the files of the sandbox are not there', { hint: 'make another sandbox' });
  });
}

function makeParents(stub: Stub, root: number, place: BoxPlace): number {
  const parts = place.path.split('/').slice(0, -1);
  const { uid, gid } = rootIds(place.holder);
  const open = (path: string) => files.openInRoot(stub, root, path, { flags: O_PATH | O_DIRECTORY, links: 'inside' });
  let parent = open('.');
  for (const [index, name] of parts.entries()) {
    const path = parts.slice(0, index + 1).join('/');
    const before = parent;
    parent = files.withDescriptor(stub, before, (directory) => {
      try {
        return open(path);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
      files.makeOneDirectory({ stub, directory, name }, 0o755);
      const made = open(path);
      files.chownDescriptor(stub, made, uid, gid);
      return made;
    });
  }
  return parent;
}

/**
 * Writes a file, whole; parents are made. A link in the last place is not followed, and only a regular file is written
 * to. @throws FILESYSTEM, LIMIT_EXCEEDED where the scratch is full
 */
export function writeBoxFile(place: BoxPlace, content: Uint8Array, mode: number): void {
  const { stub } = place.holder;
  const { uid, gid } = rootIds(place.holder);
  const name = place.path.slice(place.path.lastIndexOf('/') + 1);
  try {
    withRoot(place, (root) =>
      files.withDescriptor(stub, makeParents(stub, root, place), (parent) => {
        const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        const fd = stub.call('openat', [parent, name, flags, 0o600], place.path);
        try {
          if (files.statusOf(stub, fd).kind !== 'file') throw notRegular(place);
          stub.call('ftruncate', [fd, 0]);
          for (let at = 0; at < content.length; at += CHUNK) {
            files.writeAll(stub, fd, content.subarray(at, at + CHUNK), place.path);
          }
          files.chownDescriptor(stub, fd, uid, gid);
          stub.call('fchmod', [fd, mode & 0o777]);
        } finally {
          // Now: a file that is open for writing cannot be executed (ETXTBSY).
          stub.call('close', [fd]);
        }
      }),
    );
  } catch (error) {
    throw failed('cannot write a file of the sandbox', place, error);
  }
}

function notRegular({ path }: BoxPlace): TsimgError {
  return new TsimgError('FILESYSTEM', 'not a regular file', { where: `/${path}` });
}

/** Reads a regular file of at most `limit` bytes. @throws FILESYSTEM, LIMIT_EXCEEDED */
export function readBoxFile(place: BoxPlace, limit: number): Buffer {
  const { stub } = place.holder;
  try {
    return withRoot(place, (root) => {
      const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
      const fd = files.openInRoot(stub, root, place.path, { flags, links: 'inside' });
      return files.withDescriptor(stub, fd, () => {
        if (files.statusOf(stub, fd).kind !== 'file') throw notRegular(place);
        const content = files.readAll(stub, fd, limit);
        if (content !== undefined) return content;
        throw new TsimgError('LIMIT_EXCEEDED', 'a file of the sandbox is too large', {
          where: `/${place.path}`,
          hint: 'read it with a higher `limit`',
          facts: { limit },
        });
      });
    });
  } catch (error) {
    throw failed('cannot read a file of the sandbox', place, error);
  }
}

/** Lists a directory: at most `limit` entries, by name. @throws FILESYSTEM, LIMIT_EXCEEDED */
export function listBoxFiles(place: BoxPlace, limit: number): readonly BoxEntry[] {
  const { stub } = place.holder;
  try {
    return withRoot(place, (root) => {
      const flags = O_PATH | O_DIRECTORY;
      const fd = files.openInRoot(stub, root, place.path, { flags, links: 'inside' });
      return files.withDescriptor(stub, fd, (directory) => {
        const names = files.readDirectory(stub, directory);
        if (names.length > limit) {
          throw new TsimgError('LIMIT_EXCEEDED', 'a directory of the sandbox has too many entries', {
            where: `/${place.path}`,
            why: `${names.length} entries, of ${limit} at most`,
            facts: { limit },
          });
        }
        return names.toSorted((a, b) => (a.name < b.name ? -1 : 1)).flatMap((each) => entryOf(stub, directory, each));
      });
    });
  } catch (error) {
    throw failed('cannot list a directory of the sandbox', place, error);
  }
}

/** An entry; none where it is gone meanwhile. @throws SYSTEM_CALL */
function entryOf(stub: Stub, directory: number, { name, bytes }: files.DirectoryEntry): readonly BoxEntry[] {
  const status = files.statusIn({ stub, directory, name: bytes });
  if (status === undefined) return [];
  const kind = status.kind === 'character-device' || status.kind === 'block-device' ? 'other' : status.kind;
  return [{ name, kind, size: status.size, mode: status.mode }];
}
