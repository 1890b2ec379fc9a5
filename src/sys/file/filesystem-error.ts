import { errnoOf, messageOf, TsimgError } from '../../errors.ts';

const HINTS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'make room, or choose another place'],
  ['EDQUOT', 'make room, or choose another place'],
  ['EROFS', 'choose another place, or mount it writable'],
  ['EACCES', 'check its owner and mode'],
  ['EPERM', 'check its owner and mode'],
]);

/** Makes an error of tsimg of an errno. @param cause Node's error, for a call that Node made */
export function errnoError(what: string, where: string, errno: string, cause?: unknown): TsimgError {
  const why = cause === undefined ? errno : messageOf(cause);
  return new TsimgError('FILESYSTEM', what, { where, why, hint: HINTS.get(errno), facts: { errno }, cause });
}

/** Makes an error of tsimg of an error of node:fs. Errors of tsimg and aborts are returned unchanged. */
export function filesystemError(what: string, where: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof TsimgError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  return errnoError(what, where, errno, error);
}
