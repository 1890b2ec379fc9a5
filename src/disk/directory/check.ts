import { TsimgError } from '../../errors.ts';
import { pathText } from '../../rootfs/path.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { lastErrno } from '../../sys/libc.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space, or choose a destination on another file system',
  EDQUOT: 'your quota on this file system is used up',
  EROFS: 'the file system is mounted read-only',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  EMLINK: 'this file system allows fewer names for one file',
  EPERM: 'this user may not do that here',
  EACCES: 'this user may not do that here',
  EXDEV: 'another file system is mounted inside of it',
};

/** The hint for files in an empty directory into which only tsimg writes. */
const DISAGREEMENT = 'the file system has a file that tsimg did not make (does it take different names for one?)';

/** Returns the error for a call of sys/file/files.ts that the file system refused. @param where a path, as text */
export function refusal(what: string, errno: string, where: string, hint?: string): TsimgError {
  const disagrees = errno === 'EEXIST' || errno === 'ELOOP' || errno === 'ENOTDIR';
  return new TsimgError('FILESYSTEM', what, {
    where,
    why: errno,
    hint: hint ?? (disagrees ? DISAGREEMENT : HINTS[errno]),
    facts: { errno },
  });
}

/**
 * Returns the result of a call of sys/file/files.ts.
 * @param path bytes (latin1)
 * @throws FILESYSTEM with `facts.errno`
 */
export function check(result: number, what: string, path: string): number {
  if (result < 0) throw refusal(`cannot ${what}`, lastErrno(), pathText(path));
  return result;
}

/** Runs calls of node:fs. @param where a path, as text @throws FILESYSTEM with `facts.errno` */
export function attempt<T>(what: string, where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw filesystemError(`cannot ${what}`, where, error);
  }
}
