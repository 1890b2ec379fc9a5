import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, utimesSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

// The folder for compiled code of V8. A user who can write there can make tsimg run any code, so the folder and all
// directories above it must be closed to other users. HOME may belong to another user (sudo): then it is not used.

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/**
 * Folders that are kept: one for each verb, version of Node and place of the package. Two places of the package use
 * nearly all of them. Those that were not used for the longest time are removed.
 */
const MAX_FOLDERS = 128;
/** Milliseconds until a folder is marked as used again: a start writes nothing soon after another. */
const MARKED = 60_000;
const IN_HOME = ['.cache', 'tsimg', 'compiled'];

/** Whether only this user, and the owner of the root directory of the host, can replace a directory. */
function isOutOfReach(directory: string, uid: number): boolean {
  const owners = new Set([uid, lstatSync('/').uid]);
  for (let path = directory; ; path = dirname(path)) {
    const stats = lstatSync(path);
    const isSafe = (stats.mode & WRITABLE_BY_OTHERS) === 0 || (stats.mode & STICKY) !== 0;
    if (!stats.isDirectory() || !owners.has(stats.uid) || !isSafe) return false;
    if (path === '/') return true;
  }
}

/**
 * Opens or makes a directory of this user in one that is closed to others; undefined where it belongs to another user.
 */
function ownDirectory(path: string, uid: number): string | undefined {
  // It is there nearly always, which an error of mkdir would tell in a tenth of a millisecond.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) mkdirSync(path, { mode: 0o700, recursive: true });
  const stats = found ?? lstatSync(path);
  const isOwn = stats.isDirectory() && stats.uid === uid && (stats.mode & WRITABLE_BY_OTHERS) === 0;
  return isOwn ? path : undefined;
}

/** Marks a folder as used, by the time of its last change. */
function markUsed(folder: string): void {
  const now = Date.now();
  if (now - statSync(folder).mtimeMs < MARKED) return;
  try {
    utimesSync(folder, now / 1000, now / 1000);
  } catch {
    // Read-only, where nothing is removed either
  }
}

function removeUnused(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= MAX_FOLDERS) return;
  const ages = names.map((name) => ({ name, time: statSync(join(folder, name)).mtimeMs }));
  for (const { name } of ages.sort((a, b) => a.time - b.time).slice(0, names.length - MAX_FOLDERS)) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The place of the folders of all keys, below a directory that exists. */
interface CachePlace {
  readonly home: string;
  readonly folders: readonly string[];
}

function openIn({ home, folders }: CachePlace, key: string, uid: number): string | undefined {
  let folder: string | undefined = realpathSync(home);
  if (!isOutOfReach(folder, uid) || lstatSync(folder).uid !== uid) return undefined;
  for (const name of folders) {
    folder = ownDirectory(join(folder, name), uid);
    if (folder === undefined) return undefined;
  }
  const own = ownDirectory(join(folder, key), uid);
  if (own !== undefined) markUsed(own);
  removeUnused(folder);
  return own;
}

/**
 * Returns a folder for files that can be made again, for this user only and closed to others: below `$XDG_CACHE_HOME`,
 * or in `.cache` of the home directory in the environment, or of the one in the passwd database. Undefined where there
 * is none and none can be made: it is never needed.
 * @param key one of few names
 */
export function openCacheFolder(key: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || uid !== process.geteuid?.()) return undefined;
  const { XDG_CACHE_HOME, HOME } = env;
  const places: readonly (() => string | undefined)[] = [
    () =>
      XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)
        ? openIn({ home: XDG_CACHE_HOME, folders: ['tsimg', 'compiled'] }, key, uid)
        : undefined,
    () => (HOME && isAbsolute(HOME) ? openIn({ home: HOME, folders: IN_HOME }, key, uid) : undefined),
    () => openIn({ home: userInfo().homedir, folders: IN_HOME }, key, uid),
  ];
  for (const open of places) {
    try {
      const folder = open();
      if (folder !== undefined) return folder;
    } catch {
      // Missing, full, read-only, no such user: the folder is not needed
    }
  }
  return undefined;
}
