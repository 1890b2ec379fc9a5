import { constants } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../../errors.ts';
import { O_PATH, type OpenInRoot } from '../../sys/file/open-how.ts';
import * as files from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';

type Links = OpenInRoot['links'];

/** A container's root directory, open in a stub. */
export interface StubRoot {
  readonly stub: Stub;
  /** The stub's descriptor of the directory. */
  readonly fd: number;
}

/** A path of a container's root: text, or bytes where a name need not be UTF-8. */
export type RootPath = string | Uint8Array;

/** The most links that are followed on the way to one place; the kernel has the same limit. path_resolution(7) */
const MAX_LINKS = 40;
/**
 * The most names that are made on that way: more than a path has. Another process may remove each of them as soon as it
 * is made.
 */
const MAX_MADE = 4096;

/** The error for a forbidden link, or a circle of links, on the way to a place. */
function linkError({ path, links }: Pick<Way, 'path' | 'links'>, cause?: unknown): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'a symbolic link where none may be', {
    where: textOf(path),
    why: links === 'never' ? 'a mount over it would go where the link leads' : 'it leads in a circle, or through /proc',
    hint: 'the root filesystem must have a directory there, or nothing',
    facts: { errno: 'ELOOP' },
    cause,
  });
}

function textOf(path: RootPath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString('utf8');
}

/**
 * Opens a place of the root to mount on; undefined where there is none. @throws LAUNCH_FAILED for a forbidden link,
 * SYSTEM_CALL
 */
export function findPlace({ stub, fd }: StubRoot, path: RootPath, links: Links, flags = 0): number | undefined {
  try {
    return files.openInRoot(stub, fd, path, { flags: O_PATH | flags, links });
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return undefined;
    if (errno === 'ELOOP') throw linkError({ path, links }, cause);
    throw cause;
  }
}

/** Why a place cannot be made, and a hint, by errno. */
const REFUSALS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EROFS: [
    'it would lie on a read-only file system',
    'make it there beforehand, or leave out the option that makes it read-only',
  ],
  ENOTDIR: ['a file is there, or on the way to it', 'choose another place, or have a directory there'],
  EACCES: ['the file system does not allow it', 'make it there beforehand'],
  EPERM: ['the file system does not allow it', 'make it there beforehand'],
  ENOENT: ['nothing can be made in that directory', 'choose another place'],
  ENAMETOOLONG: ['the path, or a link on the way, is too long', 'choose another place'],
  ENOSPC: ['the file system is full', 'make room on it'],
  EDQUOT: ['the quota of the file system is used up', 'make room on it'],
};

function cannotMake<Cause>(path: RootPath, cause: Cause): Cause | TsimgError {
  const errno = errnoOf(cause);
  // Not an error of the kernel's: the stub may be gone.
  if (errno === undefined) return cause;
  const [why, hint] = REFUSALS[errno] ?? [errno, 'make it there beforehand'];
  return new TsimgError('LAUNCH_FAILED', 'cannot make a place in the root filesystem', {
    where: textOf(path),
    why,
    hint,
    facts: { errno },
    cause,
  });
}

/** A kind of place. `make` makes one in a directory of the root. */
interface Kind {
  /** Flags of open(2) to open an existing place with. */
  readonly flags: number;
  make(place: files.NameIn): void;
}

const DIRECTORY: Kind = {
  flags: constants.O_DIRECTORY,
  make: (place) => files.makeOneDirectory(place, 0o755),
};
const FILE: Kind = {
  flags: 0,
  make: (place) => files.makeFile(place, 0o644, new Uint8Array()),
};

/** The way to a place that is made where it is missing. */
interface Way {
  readonly root: StubRoot;
  /** The path as the caller gave it, for errors. */
  readonly path: RootPath;
  readonly links: Links;
  /** Links that may still be followed. */
  linksLeft: number;
  /** Names that may still be made. */
  madeLeft: number;
}

const PROC_SUPER_MAGIC = 0x9fa0;

/**
 * Whether the number of a file system's type is that of proc. Nothing may be mounted there, for programs trust its files
 * to be the kernel's.
 */
export function isProcType(type: number): boolean {
  return type === PROC_SUPER_MAGIC;
}

/** Whether a place is on a proc file system. */
function isProc(stub: Stub, place: number): boolean {
  return isProcType(files.fileSystemOf(stub, place));
}

/** The target of a link, as a path of the root; undefined where the name is not a link. Paths are bytes (latin1). */
function targetOf(way: Way, place: files.NameIn, parent: string): string | undefined {
  // The targets of links in /proc are paths of the host, and our open descriptors.
  if (isProc(place.stub, place.directory)) throw linkError(way);
  const target = files.readLinkIn(place)?.toString('latin1');
  return target === undefined || target.startsWith('/') ? target : `${parent}/${target}`;
}

function findOnWay(way: Way, place: string, kind: Kind): number | undefined {
  try {
    return findPlace(way.root, Buffer.from(place, 'latin1'), way.links, kind.flags);
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw linkError(way, error);
    throw cannotMake(way.path, error);
  }
}

/** Makes the last name of a path. If a link has that name, returns the link's target instead. */
function makeOrFollow(way: Way, place: string, kind: Kind): string | undefined {
  const [parent, last] = [dirname(place), basename(place)];
  return files.withDescriptor(way.root.stub, reach(way, parent, DIRECTORY), (directory) => {
    // These exist when the directory does.
    if (['', '.', '..'].includes(last)) return undefined;
    const place = { stub: way.root.stub, directory, name: Buffer.from(last, 'latin1') };
    try {
      kind.make(place);
      return undefined;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw cannotMake(way.path, error);
      // The name is a dangling link, or another process has made it meanwhile.
      return way.links === 'inside' ? targetOf(way, place, parent) : undefined;
    }
  });
}

/**
 * Opens the place that a path of the root leads to, and makes missing parts of the way. The kernel resolves each path
 * from the root and within it (`openInRoot`), and names are made in directories that are held open. So a process that
 * changes links meanwhile can only move the place to another one in the same root.
 */
function reach(way: Way, path: string, kind: Kind): number {
  for (let place = path; ; ) {
    const found = findOnWay(way, place, kind);
    if (found !== undefined) return found;
    if (way.madeLeft === 0) {
      const where = textOf(way.path);
      throw new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used', { where });
    }
    way.madeLeft -= 1;
    const next = makeOrFollow(way, place, kind);
    if (next === undefined) continue;
    if (way.linksLeft === 0) throw linkError(way);
    way.linksLeft -= 1;
    place = next;
  }
}

function openOrMake(to: Pick<Way, 'root' | 'path' | 'links'>, kind: Kind): number {
  const way: Way = { ...to, linksLeft: MAX_LINKS, madeLeft: MAX_MADE };
  return reach(way, `/${Buffer.from(to.path).toString('latin1')}`, kind);
}

/**
 * Opens a directory of the root (O_PATH). If it is missing, it is made with its parents (0755); with links `inside`,
 * the target of a dangling link is made too. @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function openDirectory(root: StubRoot, path: RootPath, links: Links): number {
  return openOrMake({ root, path, links }, DIRECTORY);
}

/**
 * Opens a place to bind a file to; a missing one is made as `openDirectory` does, as an empty file. @throws as
 * `openDirectory`
 */
export function openFilePlace(root: StubRoot, path: RootPath, links: Links): number {
  return openOrMake({ root, path, links }, FILE);
}

/**
 * Makes something new at a path of the root, which must not exist: calls `make` with the last name in the open parent
 * directory. `make` passes `explain` to delayed calls of the stub, whose errors come later. No link is followed
 * anywhere on the path.
 * @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function makePlace(
  root: StubRoot,
  path: string,
  make: (place: files.NameIn, explain: (cause: TsimgError) => TsimgError) => void,
): void {
  files.withDescriptor(root.stub, openDirectory(root, dirname(path), 'never'), (parent) => {
    try {
      make({ stub: root.stub, directory: parent, name: basename(path) }, (cause) => cannotMake(path, cause));
    } catch (cause) {
      throw cannotMake(path, cause);
    }
  });
}

/** The largest /etc/passwd or /etc/group that is read: bytes. The users of a whole campus fit. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a text file of the root filesystem; '' where there is none. Only regular files up to a limit are read: a FIFO
 * would hang the launch, and a device or an endless file would exhaust the memory (CVE-2024-9676).
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export function readFileOfRoot(root: StubRoot, path: string): string {
  return readBytesOfRoot(root, path).toString('utf8');
}

/** Does as `readFileOfRoot`, and returns the bytes. */
export function readBytesOfRoot({ stub, fd: root }: StubRoot, path: string): Buffer {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let opened: files.OpenedFile;
  try {
    opened = files.openWithStatus(stub, root, path, { flags, links: 'inside' });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return Buffer.alloc(0);
    throw error;
  }
  const { fd, status } = opened;
  return files.withDescriptor(stub, fd, () => {
    if (status.kind !== 'file') {
      throw new TsimgError('LAUNCH_FAILED', 'not a regular file in the root filesystem', { where: path });
    }
    const bytes = files.readAll(stub, fd, MAX_BYTES);
    if (bytes !== undefined) return bytes;
    const facts = { limit: MAX_BYTES };
    throw new TsimgError('LIMIT_EXCEEDED', 'a file of the root filesystem is too large', { where: path, facts });
  });
}
