import { chmodSync, constants, fchmodSync, fstatSync, readdirSync } from 'node:fs';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, openAt, openDirectoryOnMount, removeDirectoryAt, unlinkAt } from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from './check.ts';

/**
 * Removes a name and everything beneath it. It goes by descriptors and follows no symlink, opens directories that their
 * modes close, and does not enter mounts. A name that does not exist is no error.
 * @throws FILESYSTEM; a part of the tree may be removed by then
 */
export function removeTree(directory: number, name: string, path = name): void {
  if (unlinkAt(directory, name) >= 0) return;
  const errno = lastErrno();
  if (errno === 'ENOENT') return;
  if (errno !== 'EISDIR') throw refusal('cannot remove', errno, pathText(path));
  const opened = openForRemoval(directory, name, path);
  try {
    // An ordinary user can remove names from a writable directory only
    if ((fstatSync(opened).mode & 0o700) !== 0o700) fchmodSync(opened, 0o700);
    emptyDirectory(opened, path);
  } finally {
    closeDescriptor(opened);
  }
  check(removeDirectoryAt(directory, name), 'remove a directory', path);
}

/** Removes everything in a directory, as `removeTree` does. @throws FILESYSTEM */
function emptyDirectory(directory: number, path: string): void {
  // By the descriptor, because names are bytes and the path may lead elsewhere by now
  for (const entry of readdirSync(`/proc/self/fd/${directory}`, 'latin1')) {
    removeTree(directory, entry, `${path}/${entry}`);
  }
}

function openForRemoval(directory: number, name: string, path: string): number {
  const opened = openOnMount(directory, name);
  if (opened >= 0 || lastErrno() !== 'EACCES') return check(opened, 'open a directory', path);
  // O_PATH needs no permission, and chmod on it changes just this directory
  const handle = check(openAt(directory, name, O_PATH | constants.O_DIRECTORY), 'open a directory', path);
  try {
    chmodSync(`/proc/self/fd/${handle}`, 0o700);
  } finally {
    closeDescriptor(handle);
  }
  return check(openOnMount(directory, name), 'open a directory', path);
}

/** Opens a directory; negative with errno EXDEV where it is another mount. */
function openOnMount(directory: number, name: string): number {
  const opened = openDirectoryOnMount(directory, name);
  if (opened >= 0 || !['ENOSYS', 'EPERM'].includes(lastErrno())) return opened;
  const plain = openAt(directory, name, constants.O_RDONLY | constants.O_DIRECTORY);
  if (plain >= 0 && fstatSync(plain).dev !== fstatSync(directory).dev) {
    closeDescriptor(plain);
    throw refusal('cannot remove', 'EXDEV', pathText(name));
  }
  return plain;
}
