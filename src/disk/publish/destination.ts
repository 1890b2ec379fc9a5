import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { mountPoints } from '../../linux/mountinfo.ts';
import { mayWriteIn } from '../../sys/file/files.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { workingDirectory } from '../../sys/file/working-directory.ts';
import { attempt } from '../directory/check.ts';
import { abandonedIn } from './abandoned.ts';

/** The place where a tree is published, and the way of publishing it. Paths are text, absolute, without symlinks. */
export interface Destination {
  readonly path: string;
  readonly parent: string;
  readonly name: string;
  /**
   * `rename`: the finished tree takes the name in one step. `fill`: the entries of the tree move into the directory,
   * which must stay: it is a mount point or a working directory, or its parent is not writable.
   */
  readonly by: 'rename' | 'fill';
  /** Whether a directory with content is there, which must be removed once the tree is published. */
  readonly replaces: boolean;
}

/**
 * Returns the path of a destination without symlinks; its last component need not exist. It makes the checks that only
 * the caller's own process can make: an unset variable in a script must not replace the directory that the script runs
 * in.
 * @param force whether a directory that is not empty may be replaced
 * @throws USAGE, DESTINATION_INVALID
 */
export function destinationPath(destination: string, force = false): string {
  if (destination === '') throw new TsimgError('USAGE', 'the destination has no name', { hint: 'name a directory' });
  const here = workingDirectory();
  const path = realPath(resolve(destination), destination);
  if (path === '/') throw invalid(destination, 'it is the root of this host', undefined);
  if (!force || readsEmpty(path)) return path;
  const home = existsSync(homedir()) ? realpathSync(homedir()) : '/';
  const hint = 'remove its content yourself, or choose another name';
  if (here !== '' && holds(path, realpathSync(here)))
    throw invalid(destination, 'the working directory, or a directory above it, is not replaced', hint);
  if (holds(path, home))
    throw invalid(destination, 'the home directory, or a directory above it, is not replaced', hint);
  return path;
}

/** Whether a path is the other path, or lies above it. */
function holds(path: string, other: string): boolean {
  return other === path || other.startsWith(`${path}/`);
}

/** Whether a directory is empty, so that nothing can be lost. */
function readsEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    // It is missing, no directory, or not readable: unpacking gives the error
    return false;
  }
}

/**
 * Looks at the place where a tree will be published. Changes nothing.
 * @param force whether a directory that is not empty may be replaced
 * @throws USAGE, DESTINATION_EXISTS, DESTINATION_INVALID
 */
export function inspectDestination(destination: string, force = false): Destination {
  const path = destinationPath(destination, force);
  const parent = dirname(path);
  const place = { path, parent, name: basename(path) };
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { ...place, by: 'rename', replaces: false };
  if (!statSync(path).isDirectory()) throw invalid(destination, 'it is not a directory', 'choose another name');
  const names = attempt('read the destination', destination, () => readdirSync(path));
  const isEmpty = names.length === 0 || names.length === abandonedNames(path);
  if (!isEmpty && !force) {
    throw new TsimgError('DESTINATION_EXISTS', 'the destination is not empty', {
      where: destination,
      hint: 'choose a new directory, or replace this one with --force',
    });
  }
  if (!isEmpty) refuseMountsBeneath(path, destination);
  return { ...place, by: mustStay(path, parent) ? 'fill' : 'rename', replaces: names.length > 0 };
}

/** Counts the names that killed unpacks left. The next unpack removes them. */
function abandonedNames(path: string): number {
  const abandoned = abandonedIn(path);
  for (const { descriptor } of abandoned) closeSync(descriptor);
  return abandoned.length;
}

/** Refuses a directory with a mount inside, because the files of the mounted file system must not be removed. */
function refuseMountsBeneath(path: string, destination: string): void {
  const mounts = attempt('read the mounts', '/proc/self/mountinfo', () =>
    mountPoints(readFileSync('/proc/self/mountinfo', 'latin1')),
  );
  const prefix = `${Buffer.from(path).toString('latin1')}/`;
  const beneath = mounts.find((mount) => mount.startsWith(prefix));
  if (beneath === undefined) return;
  const mount = Buffer.from(beneath, 'latin1').toString();
  throw invalid(destination, `${mount} is mounted inside of it`, `umount ${mount} first, or choose another name`);
}

/** Returns the path without symlinks; its last component need not exist. */
function realPath(path: string, destination: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw invalid(destination, errnoOf(error) ?? 'it cannot be read', undefined);
  }
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw invalid(destination, 'it is a symbolic link to nothing', 'remove the link, or choose another name');
  }
  try {
    return resolve(realpathSync(dirname(path)), basename(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw invalid(destination, errnoOf(error), undefined);
    const hint = `make it first: mkdir -p ${dirname(destination)}`;
    throw invalid(destination, 'its parent directory does not exist', hint);
  }
}

function invalid(where: string, why: string | undefined, hint: string | undefined): TsimgError {
  return new TsimgError('DESTINATION_INVALID', 'cannot unpack there', { where, why, hint });
}

function mustStay(path: string, parent: string): boolean {
  const { dev, ino } = statSync(path);
  const here = statSync('.', { throwIfNoEntry: false });
  if (here?.dev === dev && here.ino === ino) return true;
  const above = look(parent);
  return look(path).mount !== above.mount || !above.isWritable;
}

/** Returns the ID of the mount of a directory (proc_pid_fdinfo(5)): two binds of one file system differ in it. */
function look(path: string): { readonly mount: string | undefined; readonly isWritable: boolean } {
  return attempt('look at the destination', path, () => {
    const descriptor = openSync(path, O_PATH | constants.O_DIRECTORY);
    try {
      const information = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
      return { mount: /^mnt_id:\s*(\d+)$/m.exec(information)?.[1], isWritable: mayWriteIn(descriptor) };
    } finally {
      closeSync(descriptor);
    }
  });
}
