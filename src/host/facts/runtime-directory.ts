import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';

/**
 * Returns the directory for the state of running containers: /run/tsimg for root, `$XDG_RUNTIME_DIR/tsimg` for others,
 * or a directory of the user's below the temporary folder. Nothing is made.
 */
export function runtimeDirectory(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return '/run/tsimg';
  const given = env.XDG_RUNTIME_DIR;
  return given !== undefined && isAbsolute(given) ? join(given, 'tsimg') : join(tmpdir(), `tsimg-${uid}`);
}

/**
 * Makes the directory, for its owner alone. In /tmp another user may have made one of this name, which is refused.
 * @throws FILESYSTEM
 */
export function makeRuntimeDirectory(path: string, uid: number): void {
  makeDirectories(path, 0o700);
  const status = lstatSync(path);
  if (status.isDirectory() && status.uid === uid && (status.mode & 0o022) === 0) return;
  throw new TsimgError('FILESYSTEM', 'a directory belongs to another user, or others may write to it', {
    where: path,
    hint: 'remove it, or set XDG_RUNTIME_DIR to a directory of your own',
  });
}
