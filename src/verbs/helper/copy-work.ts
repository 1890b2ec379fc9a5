import { constants } from 'node:fs';
import type { Readable } from 'node:stream';
import { refusal } from '../../disk/directory/check.ts';
import type { NameAt, OpenDirectory } from '../../disk/directory/directory-stack.ts';
import { placeTree } from '../../disk/scan/place-tree.ts';
import { openDirectoryAt, readNode } from '../../disk/scan/read-node.ts';
import { isKernelDirectory, walkTree } from '../../disk/scan/walk-tree.ts';
import { errnoOf, TsimgError } from '../../errors.ts';
import { locateInRoot, mountOwnRoot, openOrMakeInRoot, type PlaceInRoot } from '../../host/exec/container-root.ts';
import { DESCRIPTOR } from '../../host/start/channel.ts';
import { pathText } from '../../rootfs/path.ts';
import { closeDescriptor, openAt } from '../../sys/file/files.ts';
import { lastErrno } from '../../sys/libc.ts';
import { setFileIds } from '../../sys/stub/call/become.ts';
import { openOwnStub } from '../../sys/stub/own-stub.ts';
import { readTar } from '../../tar/read/entries.ts';
import type { TarEntryToWrite } from '../../tar/write/tar-chunks.ts';
import { planPlacement, saysContents, saysDirectory } from './copy-rules.ts';
import type { CopyInRequest, CopyOutRequest, RootRequest } from './file-request.ts';
import { type ShiftHeader, shiftEntries, shiftInside, shiftOutside } from './shift-ids.ts';

/** The owner of what is copied into a container without its own owner. */
const ROOTS = { uid: 0, gid: 0, xattrs: new Map() };

type Warn = (message: string) => void;

/** How owners in an archive become those of files, and the other way round. */
interface Owners {
  readonly inside: ShiftHeader;
  readonly outside: ShiftHeader;
}

const SAME: Owners = { inside: (header) => header, outside: (header) => header };

/**
 * Opens a container's root. Where a running container's files are shown with other IDs, all that this process makes
 * from here on belongs to the container's root: the mounts cannot store IDs that the container has not.
 */
function openRoot(root: RootRequest): { readonly rootFd: number; readonly owners: Owners } {
  if (root.kind === 'mount') return { rootFd: mountOwnRoot(root.step, root.volumes), owners: SAME };
  const { shown } = root;
  if (shown === undefined) return { rootFd: DESCRIPTOR.root, owners: SAME };
  const owners = { inside: shiftInside(shown), outside: shiftOutside(shown) };
  const { uid, gid } = owners.outside(ROOTS);
  setFileIds(openOwnStub(), uid, gid);
  return { rootFd: DESCRIPTOR.root, owners };
}

function skipped(warn: Warn): (path: string, why: string) => void {
  return (path, why) => warn(`${pathText(path)} is skipped: ${why}`);
}

const CHECK_PATH = 'check the path';

interface LocateOptions {
  readonly follow: boolean;
  /** The code for a directory that is missing on the way. */
  readonly missing: 'SOURCE_NOT_FOUND' | 'DESTINATION_INVALID';
}

/** Does as `locateInRoot`. @throws SOURCE_NOT_FOUND, DESTINATION_INVALID */
function locate(root: number, path: string, { follow, missing }: LocateOptions): PlaceInRoot {
  try {
    return locateInRoot(root, path, follow);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    const hint = missing === 'DESTINATION_INVALID' ? 'make it first' : CHECK_PATH;
    throw new TsimgError(missing, 'no such directory in the container', { where: path, hint });
  }
}

function refuseKernel(at: NameAt, path: string): void {
  if (!isKernelDirectory(at)) return;
  throw new TsimgError('FILESYSTEM', 'nothing is copied from or to the kernel’s file systems', {
    where: path,
    hint: 'name a path that is not below /proc or /sys',
  });
}

/**
 * Sends a file or directory of a container as an archive. The archive begins with an entry `.` where only the contents
 * of a directory are copied.
 * @throws SOURCE_NOT_FOUND, CONTAINER_STATE, FILESYSTEM, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export async function copyOut(
  { root, path, follow }: CopyOutRequest,
  warn: Warn,
  send: (entries: AsyncIterable<TarEntryToWrite>) => Promise<void>,
): Promise<void> {
  const { rootFd, owners } = openRoot(root);
  using place = locate(rootFd, path, { follow: follow || saysDirectory(path), missing: 'SOURCE_NOT_FOUND' });
  refuseKernel({ directory: place.directory, name: '.' }, path);
  const node = readNode(place, path);
  if (node === undefined || (saysDirectory(path) && node.kind !== 'directory')) {
    const what = node === undefined ? 'no such file in the container' : 'not a directory';
    throw new TsimgError('SOURCE_NOT_FOUND', what, { where: path, hint: CHECK_PATH });
  }
  const tree = { at: place, node, name: saysContents(path) ? '.' : place.name };
  await send(shiftEntries(walkTree(tree, { onSkipped: skipped(warn) }), owners.inside));
}

/**
 * Opens the directories that entries are put into. A name that is a link is followed within the root; a directory that
 * is missing is made.
 * @param base path of the directory that the archive is put into
 */
function openInside(root: number, base: string): OpenDirectory {
  return (at, path) => {
    let fd = openAt(at.directory, at.name, constants.O_RDONLY | constants.O_DIRECTORY);
    if (fd < 0) {
      const errno = lastErrno();
      if (errno !== 'ENOTDIR' && errno !== 'ENOENT') throw refusal('cannot open a directory', errno, pathText(path));
      try {
        fd = openOrMakeInRoot(root, Buffer.from(`${base}/${path}`, 'latin1'));
      } catch (cause) {
        const { why, hint } = cause instanceof TsimgError ? cause : {};
        const where = pathText(path);
        throw new TsimgError('DESTINATION_INVALID', 'the directory cannot be made in the container', {
          where,
          why,
          hint,
          cause,
        });
      }
    }
    try {
      refuseKernel({ directory: fd, name: '.' }, pathText(path));
      return fd;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  };
}

/**
 * Puts the entries of an archive into a container, by docker's rules.
 * @throws DESTINATION_INVALID, DESTINATION_EXISTS, CONTAINER_STATE, FILESYSTEM, LAYER_INVALID, TAR_INVALID, SYSTEM_CALL
 */
export async function copyIn(
  { root, path, what, keepOwners }: CopyInRequest,
  archive: Readable,
  warn: Warn,
): Promise<void> {
  const { rootFd, owners } = openRoot(root);
  using place = locate(rootFd, path, { follow: true, missing: 'DESTINATION_INVALID' });
  const kind = readNode(place, path)?.kind;
  const plan = planPlacement(
    what,
    kind === undefined || kind === 'directory' || kind === 'file' ? kind : 'other',
    path,
  );
  const base = openDirectoryAt(plan.into === 'destination' ? place : { directory: place.directory, name: '.' }, path);
  try {
    refuseKernel({ directory: base, name: '.' }, path);
    await placeTree(base, shiftEntries(readTar(archive), owners.outside), {
      placeOf: (components) => plan.placeOf(components, place.name),
      owner: keepOwners ? 'keep' : owners.outside(ROOTS),
      onSkipped: skipped(warn),
      openDirectory: openInside(rootFd, plan.into === 'destination' ? `${place.parent}/${place.name}` : place.parent),
    });
  } finally {
    closeDescriptor(base);
  }
}
