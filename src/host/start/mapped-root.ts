import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BindStep, IdMap, RootSpec, Step } from '../../launch/launch-plan.ts';
import { mapId } from '../../linux/ids.ts';
import { MS } from '../../linux/mount-flags.ts';
import { reap } from '../../sys/stub/call/await-end.ts';
import { setFileIds, setGroups, setIds, showToTracers } from '../../sys/stub/call/become.ts';
import { goTo, openPath, withDescriptor } from '../../sys/stub/call/files.ts';
import { attachMount, cloneMount, mount, setMountIdMap } from '../../sys/stub/call/mounts.ts';
import { joinNamespace, makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { forkStub } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { mountRoot, openHost } from '../steps/mounts.ts';
import type { MadeOutside } from '../steps/steps.ts';
import { cloneSources } from '../steps/volumes.ts';
import { makeUserNamespace } from './make-user-namespace.ts';

/** Makes a user namespace without processes; returns the stub's descriptor of it. */
async function openUserNamespace(stub: Stub, idMap: IdMap, tools: HostTools): Promise<number> {
  const first = forkStub(stub);
  try {
    await makeUserNamespace(first, idMap, tools);
    // So that the other stub may open the namespace. No process but this one is ever in it.
    showToTracers(first);
    return openPath(stub, `/proc/${first.pid}/ns/user`, constants.O_RDONLY);
  } finally {
    first.close();
    reap(stub, first.pid);
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
      hint: 'keep it on ext4, xfs, btrfs or tmpfs (--root for images), or leave out --userns auto',
      facts: { errno },
      cause,
    });
  }
}

/** Mounts a directory over itself, so that its files are shown with the namespace's IDs. */
function showMapped(stub: Stub, path: string, userNamespace: number): void {
  withDescriptor(stub, openHost(stub, path), (fd) =>
    withDescriptor(stub, cloneMount(stub, fd, path), (tree) => {
      mapIds(stub, { tree, path }, userNamespace);
      attachMount(stub, tree, fd, path);
    }),
  );
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
 * Mounts the container's root by root's stub, so that its files are shown with the IDs of a new user namespace. Then
 * the stub becomes root of that namespace, and the container's root is its working directory. No other process sees the
 * mounts; on disk the files keep the image's IDs.
 * @throws HOST_UNSUPPORTED where the kernel cannot show the files with other IDs; LAUNCH_FAILED, SYSTEM_CALL
 */
export async function becomeMappedRoot(
  stub: Stub,
  { steps, idMap, tools }: { readonly steps: readonly Step[]; readonly idMap: IdMap; readonly tools: HostTools },
): Promise<MadeOutside> {
  makeNamespaces(stub, ['mount']);
  mount(stub, { source: null, target: '/', type: null, flags: MS.slave | MS.recursive }, '/');
  const user = await openUserNamespace(stub, idMap, tools);
  const clones = cloneSources(stub, steps, () => true);
  // Volumes of images have the image's IDs on disk, as the root has. All other sources are the host's and keep their
  // IDs.
  for (const [step, tree] of clones) if (isImageVolume(step)) mapIds(stub, { tree, path: step.source }, user);
  for (const step of steps) {
    if (step.do !== 'root') continue;
    for (const path of directoriesOf(step.root)) showMapped(stub, path, user);
    // The overlay's own files get the IDs of the process that mounts it. These must be IDs that the mapped mounts can
    // store.
    setFileIds(stub, mapId(idMap.uids, 0) ?? 0, mapId(idMap.gids, 0) ?? 0);
    withDescriptor(stub, mountRoot(stub, step), (rootFd) => goTo(stub, rootFd));
  }
  joinNamespace(stub, user, 'user', 'the user namespace');
  stub.later({ name: 'close', args: [user] });
  setGroups(stub, []);
  setIds(stub, 0, 0);
  return { clones };
}
