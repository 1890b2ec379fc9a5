import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { BindStep, Step } from '../../launch/launch-plan.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { openInRoot } from '../../sys/file/open-in-root.ts';
import { descriptorPath } from '../../sys/stub/call/files.ts';
import { openOwnStub } from '../../sys/stub/own-stub.ts';
import { openIdentified, type ProcessIdentity } from '../state/process-identity.ts';
import { mountRoot } from '../steps/mounts.ts';
import { openDirectory } from '../steps/root.ts';
import { bindVolume } from '../steps/volumes.ts';

/** Links that are followed at the end of a path, as many as the kernel follows. path_resolution(7). */
const MAX_LINKS = 40;

/**
 * The root of a process that runs in a container, opened by the caller of tsimg: root, or whom the container's user
 * namespace belongs to. The descriptor is the caller's to close. @throws CONTAINER_STATE where it has ended, FILESYSTEM
 */
export function openRunningRoot(process: ProcessIdentity): number {
  let fd: number | undefined;
  const path = `/proc/${process.pid}/root`;
  try {
    fd = openSync(path, O_PATH | constants.O_DIRECTORY);
    using held = openIdentified(process);
    // It was there before and is there still: so it was its root that was opened.
    if (held !== undefined) return fd;
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) {
      throw filesystemError('cannot open the container’s root', path, error);
    }
  }
  if (fd !== undefined) closeSync(fd);
  throw new TsimgError('CONTAINER_STATE', 'the container has just ended', { hint: 'try again' });
}

/**
 * The root of a container that does not run, with volumes of its image, mounted for this process alone, which must have
 * a mount namespace of its own.
 */
export function mountOwnRoot(step: Extract<Step, { do: 'root' }>, volumes: readonly BindStep[]): number {
  const stub = openOwnStub();
  const fd = mountRoot(stub, step);
  for (const volume of volumes) bindVolume({ stub, fd }, volume, undefined);
  return fd;
}

/**
 * Opens a directory of a container's root as a launch finds a place for a mount: links are followed within the root,
 * and what is missing is made. @param path bytes @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function openOrMakeInRoot(rootFd: number, path: Uint8Array): number {
  return openDirectory({ stub: openOwnStub(), fd: rootFd }, path, 'inside');
}

/** A name in a directory of a container's root, which is open. */
export interface PlaceInRoot extends Disposable {
  readonly directory: number;
  /** Bytes; `.` for the directory itself. */
  readonly name: string;
  /** Text: the directory's path in the root, in which links may be. */
  readonly parent: string;
}

/**
 * The directory of the last name in a path and that name, which itself is not looked at. With `follow`, where the name
 * is a symlink, the same for what it leads to. Everything is resolved by the kernel within the root, again at each
 * step.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function locateInRoot(rootFd: number, path: string, follow: boolean): PlaceInRoot {
  let current = path;
  for (let link = 0; link < MAX_LINKS; link += 1) {
    const [, parent = '', last = '.'] = /^(.*?)([^/]*)\/*$/s.exec(current) ?? [];
    const isDirectory = ['', '.', '..'].includes(last);
    const where = isDirectory ? `/${current}` : `/${parent}`;
    const directory = openInRoot(rootFd, where, { flags: O_PATH | constants.O_DIRECTORY, links: 'inside' });
    const close = () => closeDescriptor(directory);
    const name = isDirectory ? '.' : Buffer.from(last).toString('latin1');
    const place = { directory, name, parent: where, [Symbol.dispose]: close };
    if (isDirectory || !follow) return place;
    try {
      const target = readlinkSync(Buffer.from(`${descriptorPath(directory)}/${name}`, 'latin1'), 'utf8');
      close();
      current = target.startsWith('/') ? target : `${parent}/${target}`;
    } catch (error) {
      if (['EINVAL', 'ENOENT'].includes(errnoOf(error) ?? '')) return place;
      close();
      throw error;
    }
  }
  throw new TsimgError('FILESYSTEM', 'too many symbolic links', { where: path, facts: { errno: 'ELOOP' } });
}
