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

/** A new user namespace, which nobody is in; by a descriptor of the stub. */
async function openUserNamespace(stub: Stub, idMap: IdMap, tools: HostTools): Promise<number> {
  const first = forkStub(stub);
  try {
    await makeUserNamespace(first, idMap, tools);
    // For the other stub to open it. Nobody but this one is ever in it.
    showToTracers(first);
    return openPath(stub, `/proc/${first.pid}/ns/user`, constants.O_RDONLY);
  } finally {
    first.close();
    reap(stub, first.pid);
  }
}

/** Has a mount that was cloned show its files with the namespace's IDs. */
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

/** All directories that the root's files lie in. The layer of an image without any is in the container's own. */
function directoriesOf(root: RootSpec): readonly string[] {
  if (root.kind === 'directory') return [root.path];
  return [root.directory, ...root.lower.filter((path) => !path.startsWith(`${root.directory}/`))];
}

/**
 * Root's stub mounts the container's root so that it is shown with the IDs of a new user namespace, and becomes root of
 * that: its working directory is the root then. What is mounted is seen by nobody else, and on disk all IDs are the
 * image's.
 * @throws HOST_UNSUPPORTED where the files cannot be shown so; LAUNCH_FAILED, SYSTEM_CALL
 */
export async function becomeMappedRoot(
  stub: Stub,
  { steps, idMap, tools }: { readonly steps: readonly Step[]; readonly idMap: IdMap; readonly tools: HostTools },
): Promise<MadeOutside> {
  makeNamespaces(stub, ['mount']);
  mount(stub, { source: null, target: '/', type: null, flags: MS.slave | MS.recursive }, '/');
  const user = await openUserNamespace(stub, idMap, tools);
  const clones = cloneSources(stub, steps, () => true);
  // On disk they have the image's IDs, as the root has; what else is bound is the host's, and shown as it is.
  for (const [step, tree] of clones) if (isImageVolume(step)) mapIds(stub, { tree, path: step.source }, user);
  for (const step of steps) {
    if (step.do !== 'root') continue;
    for (const path of directoriesOf(step.root)) showMapped(stub, path, user);
    // An overlay's own files belong to whoever mounts it, who must be somebody that is known on disk.
    setFileIds(stub, mapId(idMap.uids, 0) ?? 0, mapId(idMap.gids, 0) ?? 0);
    withDescriptor(stub, mountRoot(stub, step), (rootFd) => goTo(stub, rootFd));
  }
  joinNamespace(stub, user, 'user', 'the user namespace');
  stub.later({ name: 'close', args: [user] });
  setGroups(stub, []);
  setIds(stub, 0, 0);
  return { clones };
}
