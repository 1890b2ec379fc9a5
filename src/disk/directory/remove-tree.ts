import { chmodSync, constants, fchmodSync, fstatSync, readdirSync } from 'node:fs';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, openAt, openDirectoryOnMount, removeDirectoryAt, unlinkAt } from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { lastErrno } from '../../sys/libc.ts';
import { check, refusal } from './check.ts';

/**
 * Removes a name and all beneath it. Goes by descriptors, so it never follows a symlink; opens directories that their
 * modes close; refuses to enter what is mounted inside. Nothing there is no error.
 * @throws FILESYSTEM; what was removed until then is gone
 */
export function removeTree(directory: number, name: string, path = name): void {
  if (unlinkAt(directory, name) >= 0) return;
  const errno = lastErrno();
  if (errno === 'ENOENT') return;
  if (errno !== 'EISDIR') throw refusal('cannot remove', errno, pathText(path));
  const opened = openForRemoval(directory, name, path);
  try {
    // As an ordinary user: names can be removed from a writable directory only
    if ((fstatSync(opened).mode & 0o700) !== 0o700) fchmodSync(opened, 0o700);
    emptyDirectory(opened, path);
  } finally {
    closeDescriptor(opened);
  }
  check(removeDirectoryAt(directory, name), 'remove a directory', path);
}

/** Removes all that is in a directory, as `removeTree` does. @throws FILESYSTEM */
export function emptyDirectory(directory: number, path: string): void {
  // By the descriptor: the names are bytes, and what the path meant may have moved
  for (const entry of readdirSync(`/proc/self/fd/${directory}`, 'latin1')) {
    removeTree(directory, entry, `${path}/${entry}`);
  }
}

function openForRemoval(directory: number, name: string, path: string): number {
  const opened = openOnMount(directory, name);
  if (opened >= 0 || lastErrno() !== 'EACCES') return check(opened, 'open a directory', path);
  // O_PATH needs no permission, and the mode is then changed of just that directory, not of a name
  const handle = check(openAt(directory, name, O_PATH | constants.O_DIRECTORY), 'open a directory', path);
  try {
    chmodSync(`/proc/self/fd/${handle}`, 0o700);
  } finally {
    closeDescriptor(handle);
  }
  return check(openOnMount(directory, name), 'open a directory', path);
}

/** Negative, with errno EXDEV, when it is another mount. */
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
