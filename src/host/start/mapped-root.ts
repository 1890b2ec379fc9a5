import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BindStep, IdMap, RootSpec, Step } from '../../launch/launch-plan.ts';
import { mapId } from '../../linux/ids.ts';
import { MS } from '../../linux/mount-flags.ts';
import { reap } from '../../sys/stub/call/await-end.ts';
import { setFileIds, setGroups, setIds, showToTracers } from '../../sys/stub/call/become.ts';
import { goTo, openPath, withDescriptor } from '../../sys/stub/call/files.ts';
import { attachMount, mount, setMountIdMap } from '../../sys/stub/call/mounts.ts';
import { joinNamespace, makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { forkStub } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { mountRoot, openHost } from '../steps/mounts.ts';
import type { MadeOutside } from '../steps/steps.ts';
import { cloneHost, cloneSources } from '../steps/volumes.ts';
import { makeUserNamespace } from './make-user-namespace.ts';

/** A user namespace to make by real root. */
export interface UserNamespaceToMake {
  readonly idMap: IdMap;
  readonly tools: HostTools;
  /** Root of the user namespace that it is below. Default: real root. */
  readonly above?: Stub | undefined;
}

/** Makes a user namespace without processes; returns the stub's descriptor of it. */
async function openUserNamespace(stub: Stub, { idMap, tools, above }: UserNamespaceToMake): Promise<number> {
  const parent = above ?? stub;
  const first = forkStub(parent);
  try {
    await makeUserNamespace(first, idMap, tools, above);
    // So that the other stub may open the namespace. No process but this one is ever in it.
    showToTracers(first);
    return openPath(stub, `/proc/${first.pid}/ns/user`, constants.O_RDONLY);
  } finally {
    first.close();
    reap(parent, first.pid);
  }
}

/** Makes a cloned mount show its files with the namespace's IDs. */
function mapIds(
  stub: Stub,
  { tree, path }: { readonly tree: number; readonly path: string },
  userNamespace: number,
): void {
  try {
    setMountIdMap(stub, tree, userNamespace, path);
  } catch (cause) {
    const errno = errnoOf(cause) ?? 'unknown';
    throw new TsimgError('HOST_UNSUPPORTED', 'the files cannot be shown with other IDs', {
      where: path,
      why: errno === 'EINVAL' ? 'the file system, or one mounted in it, has no ID-mapped mounts' : errno,
      hint: 'keep it on ext4, xfs, btrfs or, since Linux 6.3, tmpfs (--root for images), or leave out --userns auto',
      facts: { errno },
      cause,
    });
  }
}

/** Mounts a directory, over itself by default, so that its files are shown with the namespace's IDs. */
function showMapped(stub: Stub, path: string, userNamespace: number, place = path): void {
  withDescriptor(stub, cloneHost(stub, path), (tree) => {
    mapIds(stub, { tree, path }, userNamespace);
    withDescriptor(stub, openHost(stub, place), (onto) => attachMount(stub, tree, onto, place));
  });
}

/** Gives root's stub a mount namespace, which gets mounts of the host but gives none, and makes a user namespace. */
async function makeOwnMounts(stub: Stub, user: UserNamespaceToMake): Promise<number> {
  makeNamespaces(stub, ['mount']);
  mount(stub, { source: null, target: '/', type: null, flags: MS.slave | MS.recursive }, '/');
  return await openUserNamespace(stub, user);
}

/** What a program of the host sees with the IDs of a user namespace. */
export interface MappedView {
  readonly steps: readonly Step[];
  readonly idMap: IdMap;
  readonly tools: HostTools;
  /** The directory where the program finds the root filesystem of the plan, a plain one. */
  readonly place: string;
}

/**
 * Shows a root filesystem, and its image's volumes, with the IDs of a user namespace to the program that root's stub
 * becomes, and to no other. @throws as `becomeMappedRoot`
 */
export async function showMappedTo(stub: Stub, { steps, idMap, tools, place }: MappedView): Promise<void> {
  const user = await makeOwnMounts(stub, { idMap, tools });
  withDescriptor(stub, user, () => {
    for (const step of steps) {
      if (isImageVolume(step)) showMapped(stub, step.source, user);
      if (step.do === 'root' && step.root.kind === 'directory') showMapped(stub, step.root.path, user, place);
    }
  });
}

function isImageVolume(step: Step): step is BindStep {
  return step.do === 'bind' && step.imageVolume === true;
}

/**
 * All directories with files of the root. The empty layer of an image without layers is in the container's own
 * directory.
 */
function directoriesOf(root: RootSpec): readonly string[] {
  if (root.kind === 'directory') return [root.path];
  return [root.directory, ...root.lower.filter((path) => !path.startsWith(`${root.directory}/`))];
}

/**
 * Mounts a root so that its files are shown with the IDs of a user namespace; returns its descriptor. From here on,
 * files that the stub makes belong to root of the map: the mounts can store no ID that the map has not.
 * @param user the stub's descriptor of the user namespace
 * @throws HOST_UNSUPPORTED where the kernel cannot show the files with other IDs; LAUNCH_FAILED, SYSTEM_CALL
 */
export function mountMappedRoot(
  stub: Stub,
  step: Extract<Step, { do: 'root' }>,
  { user, idMap }: { readonly user: number; readonly idMap: IdMap },
): number {
  for (const path of directoriesOf(step.root)) showMapped(stub, path, user);
  // The overlay's own files, too, get the IDs of the process that mounts it.
  setFileIds(stub, mapId(idMap.uids, 0) ?? 0, mapId(idMap.gids, 0) ?? 0);
  return mountRoot(stub, step);
}

/**
 * Mounts the container's root by root's stub, so that its files are shown with the IDs of a new user namespace. Then
 * the stub becomes root of that namespace, and the container's root is its working directory. No other process sees the
 * mounts; on disk the files keep the image's IDs.
 * @throws HOST_UNSUPPORTED where the kernel cannot show the files with other IDs; LAUNCH_FAILED, SYSTEM_CALL
 */
export async function becomeMappedRoot(
  stub: Stub,
  { steps, ...toMake }: UserNamespaceToMake & { readonly steps: readonly Step[] },
): Promise<MadeOutside> {
  const { idMap } = toMake;
  const user = await makeOwnMounts(stub, toMake);
  const clones = cloneSources(stub, steps, () => true);
  // Volumes of images have the image's IDs on disk, as the root has. All other sources are the host's and keep their
  // IDs.
  for (const [step, tree] of clones) if (isImageVolume(step)) mapIds(stub, { tree, path: step.source }, user);
  for (const step of steps) {
    if (step.do !== 'root') continue;
    withDescriptor(stub, mountMappedRoot(stub, step, { user, idMap }), (rootFd) => goTo(stub, rootFd));
  }
  joinNamespace(stub, user, 'user', 'the user namespace');
  stub.later({ name: 'close', args: [user] });
  setGroups(stub, []);
  setIds(stub, 0, 0);
  return { clones };
}
