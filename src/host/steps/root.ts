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

/** Links that are followed on the way to one place, as many as the kernel follows. path_resolution(7). */
const MAX_LINKS = 40;
/** What is made on that way at most: more than a path has names. Somebody may be taking it away again as it is made. */
const MAX_MADE = 4096;

function linkError(path: RootPath, links: Links, errno: string, cause?: unknown): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'a symbolic link where none may be', {
    where: textOf(path),
    why: links === 'never' ? 'a mount over it would go where the link leads' : 'it leads in a circle, or through /proc',
    hint: 'the root filesystem must have a directory there, or nothing',
    facts: { errno },
    cause,
  });
}

function textOf(path: RootPath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString('utf8');
}

/** Opens a place of the root for mounting on it; undefined where there is none. @throws LAUNCH_FAILED for a forbidden link, SYSTEM_CALL */
export function findPlace({ stub, fd }: StubRoot, path: RootPath, links: Links, flags = 0): number | undefined {
  try {
    return files.openInRoot(stub, fd, path, { flags: O_PATH | flags, links });
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return undefined;
    if (errno === 'ELOOP') throw linkError(path, links, errno, cause);
    throw cause;
  }
}

/** Why nothing can be made at a place, and what helps. */
const REFUSALS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EROFS: ['it would lie on a file system that is read-only', 'make it there beforehand, or leave out what makes it so'],
  ENOTDIR: ['a file is there, or on the way to it', 'choose another place, or have a directory there'],
  EACCES: ['the file system does not let anybody make it', 'make it there beforehand'],
  EPERM: ['the file system does not let anybody make it', 'make it there beforehand'],
  ENOENT: ['nothing can be made in that directory', 'choose another place'],
  ENAMETOOLONG: ['the path, or a link on the way, is too long', 'choose another place'],
  ENOSPC: ['the file system is full', 'make room on it'],
  EDQUOT: ['the quota of the file system is used up', 'make room on it'],
};

function cannotMake<Cause>(path: RootPath, cause: Cause): Cause | TsimgError {
  const errno = errnoOf(cause);
  // The stub is gone, or the like.
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

/** What a place is to be: how it is made, in a directory of the root by its descriptor and a last name. */
interface Kind {
  /** open(2)'s flags for what is there. */
  readonly flags: number;
  make(stub: Stub, directory: number, name: Uint8Array): void;
}

const DIRECTORY: Kind = {
  flags: constants.O_DIRECTORY,
  make: (stub, directory, name) => files.makeOneDirectory(stub, directory, name, 0o755),
};
const FILE: Kind = {
  flags: 0,
  make: (stub, directory, name) => files.makeFile(stub, directory, name, 0o644, new Uint8Array()),
};

/** The way to a place that is made where it is missing. */
interface Way {
  readonly root: StubRoot;
  /** As it was asked for. */
  readonly path: RootPath;
  readonly links: Links;
  /** Links that may still be followed, and names that may still be made. */
  linksLeft: number;
  madeLeft: number;
}

const PROC_SUPER_MAGIC = 0x9fa0;

/** Whether a place is on a /proc. The kernel answers from there: nothing is mounted on it, whatever links lead to it. */
export function isProc(stub: Stub, place: number): boolean {
  return files.fileSystemOf(stub, place) === PROC_SUPER_MAGIC;
}

/** Where a link leads, as a path of the root; undefined for what is no link. Paths are bytes (latin1). */
function targetOf(way: Way, directory: number, name: Uint8Array, parent: string): string | undefined {
  const { stub } = way.root;
  // What its links say are paths of the host, and of descriptors that we have just opened.
  if (isProc(stub, directory)) throw linkError(way.path, way.links, 'ELOOP');
  const target = files.readLinkIn(stub, directory, name)?.toString('latin1');
  return target === undefined || target.startsWith('/') ? target : `${parent}/${target}`;
}

function findOnWay({ root, links, path }: Way, place: string, kind: Kind): number | undefined {
  try {
    return findPlace(root, Buffer.from(place, 'latin1'), links, kind.flags);
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw linkError(path, links, 'ELOOP', error);
    throw cannotMake(path, error);
  }
}

/** Makes the last name of a path; where a link has that name, answers where it leads to. */
function makeOrFollow(way: Way, place: string, kind: Kind): string | undefined {
  const [parent, last] = [dirname(place), basename(place)];
  return files.withDescriptor(way.root.stub, reach(way, parent, DIRECTORY), (directory) => {
    // What these stand for is there when the directory is.
    if (['', '.', '..'].includes(last)) return undefined;
    const name = Buffer.from(last, 'latin1');
    try {
      kind.make(way.root.stub, directory, name);
      return undefined;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw cannotMake(way.path, error);
      // A link that leads nowhere; or somebody else made it meanwhile.
      return way.links === 'inside' ? targetOf(way, directory, name, parent) : undefined;
    }
  });
}

/**
 * Opens what a path of the root leads to; what is missing is made. The kernel resolves every step anew, from the root and within it
 * (`openInRoot`), and a name is made in a directory that is held open: whoever changes links meanwhile can only have something
 * made elsewhere in the same root.
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
    if (way.linksLeft === 0) throw linkError(way.path, way.links, 'ELOOP');
    way.linksLeft -= 1;
    place = next;
  }
}

function openOrMake(root: StubRoot, path: RootPath, links: Links, kind: Kind): number {
  const way: Way = { root, path, links, linksLeft: MAX_LINKS, madeLeft: MAX_MADE };
  return reach(way, `/${Buffer.from(path).toString('latin1')}`, kind);
}

/**
 * Opens a directory of the root, made (0755) with its parents where it is missing; with links `inside`, also where a link leads to
 * what is missing. The descriptor is for `*at` uses only. @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function openDirectory(root: StubRoot, path: RootPath, links: Links): number {
  return openOrMake(root, path, links, DIRECTORY);
}

/** Opens a place for binding a file to, made in the same way, as an empty file. @throws LAUNCH_FAILED, SYSTEM_CALL */
export function openFilePlace(root: StubRoot, path: RootPath, links: Links): number {
  return openOrMake(root, path, links, FILE);
}

/**
 * Makes something new at a path of the root, which must not be there, by `make`: in a directory that is held open, under a last
 * name. `explain` is for what is not waited for. No link is followed, above it either. @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function makePlace(
  root: StubRoot,
  path: string,
  make: (directory: number, name: string, explain: (cause: TsimgError) => TsimgError) => void,
): void {
  files.withDescriptor(root.stub, openDirectory(root, dirname(path), 'never'), (parent) => {
    try {
      make(parent, basename(path), (cause) => cannotMake(path, cause));
    } catch (cause) {
      throw cannotMake(path, cause);
    }
  });
}

/** The most that /etc/passwd or /etc/group of a root filesystem may be: bytes. Lists of a whole campus fit. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * A text file of the root filesystem, '' where there is none. A FIFO would hang the launch, a device or an endless file
 * exhaust it: only regular files are read, and only so much (CVE-2024-9676).
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED
 */
export function readFileOfRoot({ stub, fd: root }: StubRoot, path: string): string {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let fd: number;
  try {
    fd = files.openInRoot(stub, root, path, { flags, links: 'inside' });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
  return files.withDescriptor(stub, fd, () => {
    if (files.statusOf(stub, fd).kind !== 'file') {
      throw new TsimgError('LAUNCH_FAILED', 'not a regular file in the root filesystem', { where: path });
    }
    const bytes = files.readAll(stub, fd, MAX_BYTES);
    if (bytes !== undefined) return bytes.toString('utf8');
    const facts = { limit: MAX_BYTES };
    throw new TsimgError('LIMIT_EXCEEDED', 'a file of the root filesystem is too large', { where: path, facts });
  });
}
