import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

// Where what V8 made of our scripts may lie. Who can write there can have us run what he likes: the folder and all above it must be
// out of reach of others. HOME may be another user's (sudo): then it is of no use.

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** Folders that are kept: one for each verb, version of Node and place of the package. The oldest go. */
const MAX_FOLDERS = 64;

/** Whether nobody but this user, and whoever owns the host's root directory, can put something else in a directory's place. */
function isOutOfReach(directory: string, uid: number): boolean {
  const owners = new Set([uid, lstatSync('/').uid]);
  for (let path = directory; ; path = dirname(path)) {
    const stats = lstatSync(path);
    const isSafe = (stats.mode & WRITABLE_BY_OTHERS) === 0 || (stats.mode & STICKY) !== 0;
    if (!stats.isDirectory() || !owners.has(stats.uid) || !isSafe) return false;
    if (path === '/') return true;
  }
}

/** A directory of ours in one that is out of reach, made where it is missing. Undefined where it is somebody else's. */
function ownDirectory(path: string, uid: number): string | undefined {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const stats = lstatSync(path);
  const isOwn = stats.isDirectory() && stats.uid === uid && (stats.mode & WRITABLE_BY_OTHERS) === 0;
  return isOwn ? path : undefined;
}

function removeOldest(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= MAX_FOLDERS) return;
  const ages = names.map((name) => ({ name, time: statSync(join(folder, name)).mtimeMs }));
  for (const { name } of ages.sort((a, b) => a.time - b.time).slice(0, names.length - MAX_FOLDERS)) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function openIn(home: string, folders: readonly string[], key: string, uid: number): string | undefined {
  let folder: string | undefined = realpathSync(home);
  if (!isOutOfReach(folder, uid) || lstatSync(folder).uid !== uid) return undefined;
  for (const name of folders) {
    folder = ownDirectory(join(folder, name), uid);
    if (folder === undefined) return undefined;
  }
  const own = ownDirectory(join(folder, key), uid);
  removeOldest(folder);
  return own;
}

/**
 * A folder for what is made again where it is missing, of this user alone and out of others' reach: below `$XDG_CACHE_HOME`, else in
 * `.cache` of the home that the environment names, else of the one that the system knows. Undefined where none is, or none can be
 * made: nothing depends on it. @param key one of few names
 */
export function openCacheFolder(key: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined || uid !== process.geteuid?.()) return undefined;
  const { XDG_CACHE_HOME, HOME } = env;
  const places: readonly (() => string | undefined)[] = [
    () =>
      XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)
        ? openIn(XDG_CACHE_HOME, ['tsimg', 'compiled'], key, uid)
        : undefined,
    () => (HOME && isAbsolute(HOME) ? openIn(HOME, ['.cache', 'tsimg', 'compiled'], key, uid) : undefined),
    () => openIn(userInfo().homedir, ['.cache', 'tsimg', 'compiled'], key, uid),
  ];
  for (const open of places) {
    try {
      const folder = open();
      if (folder !== undefined) return folder;
    } catch {
      // Not there, full, read-only, no such user: we can do without
    }
  }
  return undefined;
}
