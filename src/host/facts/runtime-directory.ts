import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';

/**
 * Where the state of running containers is: /run/tsimg for root, `$XDG_RUNTIME_DIR/tsimg` for others, and for a user
 * without it a folder of their own below the temporary folder. Nothing is made.
 */
export function runtimeDirectory(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return '/run/tsimg';
  const given = env.XDG_RUNTIME_DIR;
  return given !== undefined && isAbsolute(given) ? join(given, 'tsimg') : join(tmpdir(), `tsimg-${uid}`);
}

/**
 * Makes it, for its owner alone. In /tmp somebody else could have made it before: then it is refused. @throws
 * FILESYSTEM
 */
export function makeRuntimeDirectory(path: string, uid: number): void {
  makeDirectories(path, 0o700);
  const status = lstatSync(path);
  if (status.isDirectory() && status.uid === uid && (status.mode & 0o022) === 0) return;
  throw new TsimgError('FILESYSTEM', 'a folder is not the caller’s alone', {
    where: path,
    hint: 'remove it, or set XDG_RUNTIME_DIR to a folder of your own',
  });
}
