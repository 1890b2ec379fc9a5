import { chmodSync, constants, fstatSync, writeSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { childPath, cleanName, pathText, ROOT_PATH, type RootfsPath } from '../../rootfs/path.ts';
import { chownOf, setTimesOf, setXattrOf } from '../../sys/file/attributes.ts';
import {
  closeDescriptor,
  FILE_TYPE,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  openAt,
  symlinkAt,
  unlinkAt,
} from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { lastErrno } from '../../sys/libc.ts';
import type { TarHeader } from '../../tar/header.ts';
import type { TarEntry } from '../../tar/read/entries.ts';
import { check, refusal } from '../directory/check.ts';
import { DirectoryStack, type NameAt, type OpenDirectory } from '../directory/directory-stack.ts';
import { areOneFile, readNode } from './read-node.ts';

export interface PlaceOptions {
  /** Returns the place of an entry, by the components of its name; undefined for an entry that is skipped. */
  readonly placeOf: (components: readonly string[]) => readonly string[] | undefined;
  /** The owner of all files. With `keep`, owners, set-ID bits and extended attributes are those of the archive. */
  readonly owner: 'keep' | { readonly uid: number; readonly gid: number };
  /** Whether an entry for the directory itself sets its owner, mode and time. */
  readonly itself?: boolean | undefined;
  /** Is called for each file that is skipped, with the reason. */
  readonly onSkipped: (path: string, why: string) => void;
  /** Opens a directory into which entries go. Default: by its name alone, and never through a link. */
  readonly openDirectory?: OpenDirectory | undefined;
}

const SET_ID_BITS = 0o6000;
const FILE_TYPES: Readonly<Record<string, number>> = {
  file: 0o100000,
  symlink: 0o120000,
  fifo: 0o010000,
  directory: 0o040000,
};

function pathOf(components: readonly string[]): RootfsPath {
  return components.reduce(childPath, ROOT_PATH);
}

function conflict(what: string, path: string): TsimgError {
  return new TsimgError('DESTINATION_EXISTS', what, { where: pathText(path) });
}

/**
 * Opens a file that was just made, and checks its kind: another user may write in the directory, and may have replaced
 * it.
 */
function hold({ directory, name }: NameAt, kind: string, path: string): number {
  const fd = check(openAt(directory, name, O_PATH), 'open what was made', path);
  const { mode, nlink } = fstatSync(fd);
  if ((mode & 0o170000) === FILE_TYPES[kind] && (kind === 'directory' || nlink === 1)) return fd;
  closeDescriptor(fd);
  throw new TsimgError('FILESYSTEM', 'a file was replaced while it was copied', { where: pathText(path) });
}

/**
 * Puts the entries of an archive into a directory in which other processes may work, hostile ones too.
 * Every name is looked up in a directory that is held open, and no link is followed; `openDirectory` opens the
 * directories above an entry. Attributes are set on open files, not on names. Directories are merged with existing ones
 * and files replace existing ones, but a file never replaces a directory, nor a directory a file. Devices are skipped.
 * @param base descriptor of the directory
 * @throws FILESYSTEM, DESTINATION_EXISTS, LAYER_INVALID for a name that no file can have, and the errors of the
 *   archive's reader
 */
export async function placeTree(base: number, entries: AsyncIterable<TarEntry>, options: PlaceOptions): Promise<void> {
  const { placeOf, owner, onSkipped, openDirectory } = options;
  const directories = new DirectoryStack(base, openDirectory);
  const targets = new DirectoryStack(base, openDirectory);
  /**
   * Directories get times and modes last: files put into them change the times, and the modes may not allow the files.
   */
  const later: { readonly fd: number; readonly header: TarHeader; readonly path: RootfsPath }[] = [];

  let top: TarHeader | undefined;

  function finish(fd: number, header: TarHeader, path: string): void {
    const keep = owner === 'keep';
    const { uid, gid } = keep ? header : owner;
    check(chownOf(fd, uid, gid), `give the file to ${uid}:${gid}`, path);
    if (header.kind !== 'symlink') chmodSync(`/proc/self/fd/${fd}`, keep ? header.mode : header.mode & ~SET_ID_BITS);
    for (const [name, value] of keep && header.kind !== 'symlink' ? header.xattrs : []) {
      if (!name.startsWith('user.') && name !== 'security.capability') continue;
      if (setXattrOf(fd, name, value) < 0) onSkipped(path, `its ${pathText(name)} cannot be set (${lastErrno()})`);
    }
    check(setTimesOf(fd, header.mtime.seconds, header.mtime.nanoseconds), 'set the time', path);
  }

  function makeWay(at: NameAt, path: string): void {
    if (unlinkAt(at.directory, at.name) >= 0) return;
    const errno = lastErrno();
    if (errno === 'EISDIR') throw conflict('a directory is not replaced by a file', path);
    if (errno !== 'ENOENT') throw refusal('cannot replace a file', errno, pathText(path));
  }

  function placeDirectory(at: NameAt, header: TarHeader, path: RootfsPath): void {
    const isNew = makeDirectoryAt(at.directory, at.name, 0o700) >= 0;
    if (!isNew) {
      if (lastErrno() !== 'EEXIST') throw refusal('cannot make a directory', lastErrno(), pathText(path));
      if (readNode(at, path)?.kind !== 'directory') throw conflict('a file is not replaced by a directory', path);
    }
    later.push({ fd: hold(at, 'directory', path), header, path });
  }

  async function placeFile(at: NameAt, { header, body }: TarEntry, path: string): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NONBLOCK;
    const fd = check(openAt(at.directory, at.name, flags, 0o600), 'make a file', path);
    try {
      for await (const chunk of body) for (let from = 0; from < chunk.length; ) from += writeSync(fd, chunk, from);
      finish(fd, header, path);
    } finally {
      closeDescriptor(fd);
    }
  }

  async function place(entry: TarEntry, components: readonly string[]): Promise<void> {
    const { header } = entry;
    const path = pathOf(components);
    const at = directories.locate(path);
    switch (header.kind) {
      case 'directory':
        return placeDirectory(at, header, path);
      case 'character-device':
      case 'block-device':
        return onSkipped(path, 'it is a device');
      case 'hardlink': {
        const target = placeOf(cleanName(header.linkPath).components);
        if (target === undefined || target.length === 0) return onSkipped(path, 'it is a link to what is not copied');
        const from = targets.locate(pathOf(target));
        // Making way for a link would remove the file
        if (areOneFile(from, at, path)) return;
        makeWay(at, path);
        check(linkAt(from.directory, from.name, at.directory, at.name), 'make a hard link', path);
        return;
      }
      case 'file':
        makeWay(at, path);
        return await placeFile(at, entry, path);
      case 'symlink':
        makeWay(at, path);
        check(symlinkAt(header.linkPath, at.directory, at.name), 'make a symlink', path);
        break;
      case 'fifo':
        makeWay(at, path);
        check(makeNodeAt(at.directory, at.name, FILE_TYPE.fifo, 0, 0), 'make a fifo', path);
    }
    const fd = hold(at, header.kind, path);
    try {
      finish(fd, header, path);
    } finally {
      closeDescriptor(fd);
    }
  }

  /** Finishes the directories into which no more entries go, because descriptors are few. */
  function settle(path: string | undefined): void {
    for (let last = later.at(-1); last !== undefined; last = later.at(-1)) {
      if (path?.startsWith(`${last.path}/`)) return;
      later.pop();
      try {
        finish(last.fd, last.header, last.path);
      } finally {
        closeDescriptor(last.fd);
      }
    }
  }

  try {
    for await (const entry of entries) {
      const components = placeOf(cleanName(entry.header.path).components);
      if (components?.length === 0 && options.itself) top = entry.header;
      if (components === undefined || components.length === 0) continue;
      settle(pathOf(components));
      await place(entry, components);
    }
    settle(undefined);
    if (top !== undefined) finish(base, top, ROOT_PATH);
  } finally {
    for (const { fd } of later) closeDescriptor(fd);
    directories.close();
    targets.close();
  }
}
