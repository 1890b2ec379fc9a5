import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Directories of libraries that only an administrator writes into. LD_LIBRARY_PATH is not asked: it may be anybody's. */
const PLACES = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib64',
  '/usr/local/lib',
];

const WRITABLE_BY_OTHERS = 0o022;

/**
 * The absolute path of a shared library of the host that nobody but the owner of the host's files can have changed,
 * nor the directory that it lies in; else undefined. In a user namespace that owner has another number than 0, so it
 * is whoever owns `/usr`.
 * @param name with its version, such as `libisal.so.2`
 */
export function findTrustedLibrary(name: string, places: readonly string[] = PLACES): string | undefined {
  const owner = lookAt('/usr')?.uid;
  for (const place of places) {
    const path = realPath(`${place}/${name}`);
    if (path === undefined) continue;
    const isTrusted = [lookAt(path), lookAt(dirname(path))].every(
      (stats) => stats !== undefined && stats.uid === owner && (stats.mode & WRITABLE_BY_OTHERS) === 0,
    );
    if (isTrusted) return path;
  }
  return undefined;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // Not there, or behind a directory that may not be searched: no library either way
    return undefined;
  }
}

function lookAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
