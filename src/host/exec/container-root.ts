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

/** The most links that are followed at the end of a path; the kernel has the same limit. path_resolution(7) */
const MAX_LINKS = 40;

/**
 * Opens the root directory of a running container by its process. Root may do that, and the owner of the container's
 * user namespace. The caller closes the descriptor. @throws CONTAINER_STATE where the container has ended, FILESYSTEM
 */
export function openRunningRoot(process: ProcessIdentity): number {
  let fd: number | undefined;
  const path = `/proc/${process.pid}/root`;
  try {
    fd = openSync(path, O_PATH | constants.O_DIRECTORY);
    using held = openIdentified(process);
    // The process still exists, so its number was its own when the root was opened.
    if (held !== undefined) return fd;
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) {
      throw filesystemError('cannot open the container’s root', path, error);
    }
  }
  if (fd !== undefined) closeSync(fd);
  throw new TsimgError('CONTAINER_STATE', 'the container has just ended', { hint: 'try again' });
}

/** Mounts the root of a stopped container, with the volumes of its image, in this process's own mount namespace. */
export function mountOwnRoot(step: Extract<Step, { do: 'root' }>, volumes: readonly BindStep[]): number {
  const stub = openOwnStub();
  const fd = mountRoot(stub, step);
  for (const volume of volumes) bindVolume({ stub, fd }, volume, undefined);
  return fd;
}

/**
 * Opens a directory of a container's root by the rules for mounts: links are followed within the root, and missing
 * directories are made. @param path bytes @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function openOrMakeInRoot(rootFd: number, path: Uint8Array): number {
  return openDirectory({ stub: openOwnStub(), fd: rootFd }, path, 'inside');
}

/** A name in an open directory of a container's root. */
export interface PlaceInRoot extends Disposable {
  readonly directory: number;
  /** Bytes; `.` for the directory itself. */
  readonly name: string;
  /** The directory's path in the root, as bytes; it may contain links. */
  readonly parent: string;
}

/**
 * Opens the directory of the last name in a path. The name itself need not exist; with `follow`, a symlink of that name
 * is followed. The kernel resolves each path within the root.
 * @throws SYSTEM_CALL with `facts.errno`; FILESYSTEM for too many links
 */
export function locateInRoot(rootFd: number, path: string, follow: boolean): PlaceInRoot {
  // Bytes from here on: the target of a link need not be text.
  let current = Buffer.from(path).toString('latin1');
  for (let link = 0; link < MAX_LINKS; link += 1) {
    const [, parent = '', last = '.'] = /^(.*?)([^/]*)\/*$/s.exec(current) ?? [];
    const isDirectory = ['', '.', '..'].includes(last);
    const where = isDirectory ? `/${current}` : `/${parent}`;
    const directory = openInRoot(rootFd, Buffer.from(where, 'latin1'), {
      flags: O_PATH | constants.O_DIRECTORY,
      links: 'inside',
    });
    const close = () => closeDescriptor(directory);
    const name = isDirectory ? '.' : last;
    const place = { directory, name, parent: where, [Symbol.dispose]: close };
    if (isDirectory || !follow) return place;
    try {
      const target = readlinkSync(Buffer.from(`${descriptorPath(directory)}/${name}`, 'latin1'), 'latin1');
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
