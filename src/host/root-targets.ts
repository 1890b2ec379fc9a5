import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { errnoOf, TsimgError } from '../errors.ts';
import { type OpenInRoot, openInRoot } from '../sys/open-in-root.ts';

/** Node has no name for it. open(2). */
export const O_PATH = 0o10000000;

/** A descriptor as a path that the kernel goes to without looking anything up. Needs a /proc of ours. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Runs something with a descriptor and closes it. */
export function withDescriptor<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

type Links = OpenInRoot['links'];

/** Opens a place of the root for mounting on it; undefined where there is none. @throws LAUNCH_FAILED for a forbidden link, SYSTEM_CALL */
export function findPlace(rootFd: number, path: string, links: Links): number | undefined {
  try {
    return openInRoot(rootFd, path, { flags: O_PATH, links });
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

/** Makes something in a directory of the root that is held open: its own name is never followed, nor is anything above it. */
function makeIn(rootFd: number, path: string, links: Links, make: (path: string) => void): void {
  withDescriptor(openDirectory(rootFd, dirname(path), links), (parent) => {
    try {
      make(`${descriptorPath(parent)}/${basename(path)}`);
    } catch (cause) {
      throw new TsimgError('LAUNCH_FAILED', 'cannot make a place in the root filesystem', {
        where: path,
        why: errnoOf(cause) ?? 'unknown',
        hint: 'make it beforehand, or give a root filesystem that can be written to',
        cause,
      });
    }
  });
}

function missing(path: string): TsimgError {
  return new TsimgError('LAUNCH_FAILED', 'the root filesystem changes while it is used', { where: path });
}

/** Opens a directory of the root, made (0755) with its parents where it is missing. The descriptor is for `*at` uses only. */
export function openDirectory(rootFd: number, path: string, links: Links): number {
  const found = findPlace(rootFd, path, links);
  if (found !== undefined) return found;
  makeIn(rootFd, path, links, (name) => mkdirSync(name, 0o755));
  const made = findPlace(rootFd, path, links);
  if (made === undefined) throw missing(path);
  return made;
}

/** Opens a place for binding a file to, made as an empty file where it is missing. */
export function openFilePlace(rootFd: number, path: string, links: Links): number {
  const found = findPlace(rootFd, path, links);
  if (found !== undefined) return found;
  makeIn(rootFd, path, links, (name) => writeFileSync(name, '', { flag: 'wx', mode: 0o644 }));
  const made = findPlace(rootFd, path, links);
  if (made === undefined) throw missing(path);
  return made;
}

/** Makes something new at a path of the root, which must not be there. */
export function makePlace(rootFd: number, path: string, make: (path: string) => void): void {
  makeIn(rootFd, path, 'never', make);
}
