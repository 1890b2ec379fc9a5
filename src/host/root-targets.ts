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

/** Makes something in a directory of the root that is held open: its own name is never followed, nor is anything above it. */
function makeIn(hand: Hand, rootFd: number, path: string, links: Links, make: Make): void {
  const explain = (cause: unknown) =>
    new TsimgError('LAUNCH_FAILED', 'cannot make a place in the root filesystem', {
      where: path,
      why: errnoOf(cause) ?? 'unknown',
      hint: 'make it beforehand, or give a root filesystem that can be written to',
      cause,
    });
  files.withDescriptor(hand, openDirectory(hand, rootFd, dirname(path), links), (parent) => {
    try {
      make(parent, basename(path), explain);
    } catch (cause) {
      throw explain(cause);
    }
  });
}

/** Another container that starts in the same root filesystem may have made it meanwhile. */
function unlessThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function missing(path: string): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used', { where: path });
}

/** Opens a directory of the root, made (0755) with its parents where it is missing. The descriptor is for `*at` uses only. */
export function openDirectory(hand: Hand, rootFd: number, path: string, links: Links): number {
  const found = findPlace(hand, rootFd, path, links);
  if (found !== undefined) return found;
  makeIn(hand, rootFd, path, links, (parent, name) =>
    unlessThere(() => hand.call('mkdirat', [parent, name, 0o755], name)),
  );
  const made = findPlace(hand, rootFd, path, links);
  if (made === undefined) throw missing(path);
  return made;
}

/** Opens a place for binding a file to, made as an empty file where it is missing. */
export function openFilePlace(hand: Hand, rootFd: number, path: string, links: Links): number {
  const found = findPlace(hand, rootFd, path, links);
  if (found !== undefined) return found;
  makeIn(hand, rootFd, path, links, (parent, name) =>
    unlessThere(() => files.makeFile(hand, parent, name, 0o644, new Uint8Array())),
  );
  const made = findPlace(hand, rootFd, path, links);
  if (made === undefined) throw missing(path);
  return made;
}

/** Makes something new at a path of the root, which must not be there. */
export function makePlace(hand: Hand, rootFd: number, path: string, make: Make): void {
  makeIn(hand, rootFd, path, 'never', make);
}
