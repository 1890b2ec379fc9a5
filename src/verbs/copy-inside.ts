import { closeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { NameAt } from '../disk/directory-stack.ts';
import { placeTree } from '../disk/place-tree.ts';
import { openDirectoryAt, readNode } from '../disk/read-node.ts';
import { isKernelDirectory, walkTree } from '../disk/walk-tree.ts';
import { errnoOf, TsimgError } from '../errors.ts';
import { locateInRoot, mountOwnRoot, openRunningRoot, type PlaceInRoot } from '../host/container-root.ts';
import { pathText } from '../rootfs/path.ts';
import { readTar } from '../tar/entries.ts';
import type { TarEntryToWrite } from '../tar/tar-chunks.ts';
import { planPlacement, saysContents, saysDirectory } from './copy-rules.ts';
import type { CopyInRequest, CopyOutRequest, RootRequest } from './inside-request.ts';

type Warn = (message: string) => void;

function openRoot(root: RootRequest): number {
  return root.kind === 'running' ? openRunningRoot(root.process) : mountOwnRoot(root.step);
}

function skipped(warn: Warn): (path: string, why: string) => void {
  return (path, why) => warn(`${pathText(path)} is passed over: ${why}`);
}

/** As `locateInRoot`. @throws SOURCE_NOT_FOUND, DESTINATION_INVALID */
function locate(
  root: number,
  path: string,
  follow: boolean,
  missing: 'SOURCE_NOT_FOUND' | 'DESTINATION_INVALID',
): PlaceInRoot {
  try {
    return locateInRoot(root, path, follow);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    throw new TsimgError(missing, 'no such directory in the container', { where: path });
  }
}

function refuseKernel(at: NameAt, path: string): void {
  if (!isKernelDirectory(at)) return;
  throw new TsimgError('FILESYSTEM', 'nothing is copied from or to the kernel’s file systems', { where: path });
}

/**
 * Sends a file or directory of a container as an archive; an entry `.` comes first where only what is in a directory is meant.
 * @throws SOURCE_NOT_FOUND, CONTAINER_STATE, FILESYSTEM, LIMIT_EXCEEDED, SYSTEM_CALL
 */
export async function copyOut(
  { root, path, follow }: CopyOutRequest,
  warn: Warn,
  send: (entries: AsyncIterable<TarEntryToWrite>) => Promise<void>,
): Promise<void> {
  const rootFd = openRoot(root);
  using place = locate(rootFd, path, follow || saysDirectory(path), 'SOURCE_NOT_FOUND');
  refuseKernel({ directory: place.directory, name: '.' }, path);
  const node = readNode(place, path);
  if (node === undefined || (saysDirectory(path) && node.kind !== 'directory')) {
    const what = node === undefined ? 'no such file in the container' : 'not a directory';
    throw new TsimgError('SOURCE_NOT_FOUND', what, { where: path });
  }
  await send(walkTree(place, node, saysContents(path) ? '.' : place.name, { onSkipped: skipped(warn) }));
}

/**
 * Puts what an archive holds into a container, by docker's rules.
 * @throws DESTINATION_INVALID, DESTINATION_EXISTS, CONTAINER_STATE, FILESYSTEM, LAYER_INVALID, TAR_INVALID, SYSTEM_CALL
 */
export async function copyIn(
  { root, path, what, keepOwners }: CopyInRequest,
  archive: Readable,
  warn: Warn,
): Promise<void> {
  const rootFd = openRoot(root);
  using place = locate(rootFd, path, true, 'DESTINATION_INVALID');
  const kind = readNode(place, path)?.kind;
  const plan = planPlacement(
    what,
    kind === undefined || kind === 'directory' || kind === 'file' ? kind : 'other',
    path,
  );
  const base = openDirectoryAt(plan.into === 'destination' ? place : { directory: place.directory, name: '.' }, path);
  try {
    refuseKernel({ directory: base, name: '.' }, path);
    await placeTree(base, readTar(archive), {
      placeOf: (components) => plan.placeOf(components, place.name),
      owner: keepOwners ? 'keep' : { uid: 0, gid: 0 },
      onSkipped: skipped(warn),
    });
  } finally {
    closeSync(base);
  }
}
