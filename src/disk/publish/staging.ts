import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { TEMPORARY_PREFIX } from '../../store-layout.ts';
import { chmodAt, closeDescriptor, makeDirectoryAt, openAt, removeXattrAt, setTimesAt } from '../../sys/file/files.ts';
import { lockDescriptor } from '../../sys/file/lock.ts';
import { O_CLOEXEC, O_PATH } from '../../sys/file/open-how.ts';
import { lastErrno } from '../../sys/libc.ts';
import { attempt, check } from '../directory/check.ts';
import type { NameAt } from '../directory/directory-stack.ts';
import { removeTree } from '../directory/remove-tree.ts';
import { abandonedIn, holdsFormer } from './abandoned.ts';
import type { Destination } from './destination.ts';
import { byteName, fill, takeName } from './publish.ts';

/** A private directory on the destination's file system in which a tree is made before it is published. */
export interface Staging {
  /** Descriptor of the tree's root. */
  readonly root: number;
  /** Descriptor of the directory for bodies. */
  readonly pool: number;
  /**
   * Publishes the tree. After an error the destination is as it was before.
   * @param finishRoot sets the attributes of the root on the destination, where its directory stays and is filled
   * @throws FILESYSTEM, DESTINATION_EXISTS
   */
  publish(finishRoot: (at: NameAt) => void): void;
  /**
   * Removes the directory with its remaining content; if nothing was published, that is the whole tree.
   * @throws FILESYSTEM, also where publishing failed and the former content could not be moved back: then this content
   *   stays
   */
  remove(): void;
}

/**
 * Runs an action with a staging directory for the destination, and removes the directory at the end, also after an
 * error. A directory that cannot be removed gives a warning only, because the result or error of the action counts.
 * @throws FILESYSTEM, and the errors of the action
 */
export async function withStaging<T>(
  destination: Destination,
  { onEvent }: Context,
  action: (staging: Staging) => Promise<T>,
): Promise<T> {
  const staging = openStaging(destination);
  try {
    return await action(staging);
  } finally {
    try {
      staging.remove();
    } catch (error) {
      onEvent?.({
        kind: 'warning',
        message: `the staging directory beside ${destination.path} stays: ${messageOf(error)}`,
      });
    }
  }
}

/**
 * Makes the staging directory: beside the destination, or inside of a destination that must stay. @throws FILESYSTEM
 */
export function openStaging(destination: Destination): Staging {
  const { path, parent, by } = destination;
  const basePath = by === 'rename' ? parent : path;
  const base = attempt('open the destination', basePath, () =>
    // O_PATH opens also a directory that this user may write but not list
    openSync(basePath, O_PATH | constants.O_DIRECTORY | O_CLOEXEC),
  );
  let mtime = fstatSync(base, { bigint: true }).mtimeNs;
  let name: string;
  let top: number;
  try {
    removeAbandoned(base);
    ({ name, top } = makeLocked(base, basePath));
  } catch (error) {
    closeSync(base);
    throw error;
  }
  const held = [base];
  const open: number[] = [top];
  function openInside(directory: number, inside: string): number {
    const descriptor = check(
      openAt(directory, inside, constants.O_RDONLY | constants.O_DIRECTORY),
      'open a directory',
      inside,
    );
    open.push(descriptor);
    return descriptor;
  }
  function makeInside(directory: number, inside: string): number {
    check(makeDirectoryAt(directory, inside, 0o700), 'make a directory', inside);
    check(chmodAt(directory, inside, 0o700), 'set the mode', inside);
    return openInside(directory, inside);
  }
  let isHalfPublished = false;
  function remove(): void {
    try {
      if (isHalfPublished && holdsFormer(top)) {
        throw new TsimgError('FILESYSTEM', 'what the destination held could not be moved back', {
          where: join(basePath, name, 'old'),
          hint: 'it is there: move it back by hand',
        });
      }
      removeTree(base, name);
      if (by === 'fill') keepTime(base, mtime);
    } finally {
      for (const descriptor of open.splice(0)) closeDescriptor(descriptor);
      for (const descriptor of held.splice(0)) closeSync(descriptor);
    }
  }
  try {
    removeXattrAt(base, name, 'system.posix_acl_default');
    const root = makeInside(top, 'root');
    const pool = makeInside(top, 'pool');
    return {
      root,
      pool,
      remove,
      publish(finishRoot) {
        isHalfPublished = true;
        if (by === 'rename') takeName(destination, base, top);
        else {
          fill({ base, top, root, name }, finishRoot);
          mtime = fstatSync(base, { bigint: true }).mtimeNs;
        }
        isHalfPublished = false;
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Removes the directories that killed unpacks left here. A directory that cannot be removed does no harm. */
function removeAbandoned(base: number): void {
  for (const { name, descriptor } of abandonedIn(`/proc/self/fd/${base}`)) {
    try {
      removeTree(base, name);
    } catch {
      // It has files of subordinate IDs, such as those of another --ids: an unpack with these IDs removes it
    } finally {
      closeSync(descriptor);
    }
  }
}

function takesNothing(where: string): TsimgError {
  const why = 'it is on a file system that takes no directories';
  return new TsimgError('FILESYSTEM', 'no directory can be made there', { where, why, hint: 'name another place' });
}

/** Makes a directory that is locked as long as it is open: the lock tells other processes that it is in use. */
function makeLocked(base: number, basePath: string): { readonly name: string; readonly top: number } {
  for (;;) {
    const name = `${TEMPORARY_PREFIX}${randomBytes(6).toString('hex')}`;
    const made = makeDirectoryAt(base, name, 0o700);
    // The directory is open, so /proc or the like answers that there is none.
    if (made < 0 && lastErrno() === 'ENOENT') throw takesNothing(basePath);
    check(made, 'make a directory in', byteName(basePath));
    // Undoes the umask, and the setgid bit and default ACL of the parent
    const changed = chmodAt(base, name, 0o700);
    const top = changed < 0 ? changed : openAt(base, name, constants.O_RDONLY | constants.O_DIRECTORY);
    // Another process may have removed it as abandoned before it was locked
    if (top < 0 && lastErrno() === 'ENOENT') continue;
    check(top, 'open a directory', name);
    if (lockDescriptor(top, name) !== 'held' && fstatSync(top).nlink > 0) return { name, top };
    closeDescriptor(top);
  }
}

/**
 * Sets the time of a directory to what it was before the staging directory came and went. The directory of another user
 * keeps the new time, because only its owner may set a time.
 */
function keepTime(directory: number, mtime: bigint): void {
  const second = 1_000_000_000n;
  const nanoseconds = ((mtime % second) + second) % second;
  setTimesAt(directory, '.', Number((mtime - nanoseconds) / second), Number(nanoseconds));
}
