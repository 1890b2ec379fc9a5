import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Directories of libraries that only an administrator can write. LD_LIBRARY_PATH is not used: any user may set it. */
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
 * Returns the absolute path of a shared library of the host. Only the owner of the files of the host may be able to
 * change the library and its directory; otherwise undefined. In a user namespace the ID of that owner is not 0, so it
 * is the owner of `/usr`.
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
    // It is missing, or behind a directory that is closed to this user
    return undefined;
  }
}

function lookAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
