import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../errors.ts';
import * as files from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';

type Links = files.OpenBeneath['links'];

/** Opens a place of the root for mounting on it; undefined where there is none. @throws LAUNCH_FAILED for a forbidden link, SYSTEM_CALL */
export function findPlace(hand: Hand, rootFd: number, path: string, links: Links): number | undefined {
  try {
    return files.openBeneath(hand, rootFd, path, { flags: files.O_PATH, links });
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ENOENT') return undefined;
    if (errno !== 'ELOOP') throw cause;
    throw new TsimgError('LAUNCH_FAILED', 'a symbolic link where none may be', {
      where: path,
      why:
        links === 'never' ? 'a mount over it would go where the link leads' : 'it leads in a circle, or through /proc',
      hint: 'the root filesystem must have a directory there, or nothing',
      facts: { errno },
      cause,
    });
  }
}

/** Makes something in a directory of the root: by its descriptor and a last name. `explain` is for what is not waited for. */
type Make = (directory: number, name: string, explain: (cause: unknown) => TsimgError) => void;

function cannotMake(path: string, cause: unknown): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'cannot make a place in the root filesystem', {
    where: path,
    why: errnoOf(cause) ?? 'unknown',
    hint: 'make it beforehand, or give a root filesystem that can be written to',
    cause,
  });
}

/** Makes something in a directory of the root that is held open: its own name is never followed, nor is anything above it. */
function makeIn(hand: Hand, rootFd: number, path: string, links: Links, make: Make): void {
  const explain = (cause: unknown) => cannotMake(path, cause);
  files.withDescriptor(hand, openDirectory(hand, rootFd, dirname(path), links), (parent) => {
    try {
      make(parent, basename(path), explain);
    } catch (cause) {
      throw explain(cause);
    }
  });
}

/** Opens a place, made where it is missing: here, or meanwhile by another container that starts in the same root filesystem. */
function openOrMake(hand: Hand, rootFd: number, path: string, links: Links, make: Make): number {
  const found = findPlace(hand, rootFd, path, links);
  if (found !== undefined) return found;
  let taken: unknown;
  makeIn(hand, rootFd, path, links, (parent, name, explain) => {
    try {
      make(parent, name, explain);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      taken = error;
    }
  });
  const made = findPlace(hand, rootFd, path, links);
  if (made !== undefined) return made;
  // A link that leads nowhere, or somebody is at work there
  if (taken !== undefined) throw cannotMake(path, taken);
  throw new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used', { where: path });
}

/** Opens a directory of the root, made (0755) with its parents where it is missing. The descriptor is for `*at` uses only. */
export function openDirectory(hand: Hand, rootFd: number, path: string, links: Links): number {
  return openOrMake(
    hand,
    rootFd,
    path,
    links,
    (parent, name) => void hand.call('mkdirat', [parent, name, 0o755], name),
  );
}

/** Opens a place for binding a file to, made as an empty file where it is missing. */
export function openFilePlace(hand: Hand, rootFd: number, path: string, links: Links): number {
  return openOrMake(hand, rootFd, path, links, (parent, name) =>
    files.makeFile(hand, parent, name, 0o644, new Uint8Array()),
  );
}

/** Makes something new at a path of the root, which must not be there. */
export function makePlace(hand: Hand, rootFd: number, path: string, make: Make): void {
  makeIn(hand, rootFd, path, 'never', make);
}
