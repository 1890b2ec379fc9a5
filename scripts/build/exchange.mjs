// Two system calls that Node does not have. Plain JavaScript: it is part of what makes the rest runnable.
import { existsSync, openSync, renameSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const flock = libc.func('int flock(int fd, int operation)');
const renameat2 = libc.func(
  'int renameat2(int fromFd, const char *from, int toFd, const char *to, unsigned int flags)',
);

const LOCK_EX = 2;
const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

/** Waits until no other process holds this lock, and holds it until this one ends; see flock(2). */
export function lockUntilExit(path) {
  if (flock(openSync(path, 'a'), LOCK_EX) !== 0) throw new Error(`cannot lock ${path}`);
}

/**
 * Gives `made` the name `path` and what had it the name `made`, at once: there is no moment without one of them. See
 * rename(2). File systems that cannot do so (overlays among them) have a moment without it.
 */
export function exchange(made, path, aside) {
  if (!existsSync(path)) renameSync(made, path);
  else if (renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_EXCHANGE) !== 0) {
    renameSync(path, aside);
    renameSync(made, path);
    renameSync(aside, made);
  }
}
