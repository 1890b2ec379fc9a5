import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { ExecPlan, Toolbox } from '../../launch/plan/plan-exec.ts';
import { MS } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { setFileIds, setGroups, setIds, setUmask } from '../../sys/stub/call/become.ts';
import { goTo, openPath, withDescriptor } from '../../sys/stub/call/files.ts';
import { changeRootToWorkingDirectory, mount } from '../../sys/stub/call/mounts.ts';
import { joinNamespacesOf, makeNamespaces, openProcess } from '../../sys/stub/call/namespaces.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { mountMappedRoot } from '../start/mapped-root.ts';
import { isThere, type ProcessIdentity } from '../state/process-identity.ts';
import { pivot } from '../steps/mounts.ts';
import type { StubRoot } from '../steps/root.ts';
import { mountToolbox, type OpenedContainer } from '../steps/toolbox.ts';

function ended(cause?: unknown): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container has ended', { cause });
}

/** A running container, open in a stub. */
interface EnteredContainer extends OpenedContainer {
  /** Its user namespace, where a toolbox is mounted with its IDs. */
  readonly user: number | undefined;
}

/**
 * Opens the first process and its root by its number, and checks that the process still exists: then all descriptors
 * are of that process.
 */
function openContainer(stub: Stub, { idMap, toolbox }: ExecPlan, identity: ProcessIdentity): EnteredContainer {
  const { pid } = identity;
  const process = openProcess(stub, pid);
  const root = openPath(stub, `/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  const isMapped = toolbox !== undefined && idMap?.by === 'root';
  const user = isMapped ? openPath(stub, `/proc/${pid}/ns/user`, constants.O_RDONLY) : undefined;
  if (!isThere(identity)) throw ended();
  return { process, root: { stub, fd: root }, user };
}

/** Becomes root of a joined user namespace, in which the host's root has no ID. */
function becomeRoot(stub: Stub, idMap: IdMap | undefined): void {
  if (idMap?.by !== 'root') return;
  setGroups(stub, []);
  setIds(stub, 0, 0);
}

/** Joins the container's namespaces by the pidfd, and takes the root directory of its first process. */
function joinContainer(stub: Stub, { namespaces, idMap }: ExecPlan, container: OpenedContainer): StubRoot {
  joinNamespacesOf(stub, container.process, namespaces);
  becomeRoot(stub, idMap);
  goTo(stub, container.root.fd);
  changeRootToWorkingDirectory(stub);
  return container.root;
}

function makeOwnMounts(stub: Stub): void {
  makeNamespaces(stub, ['mount']);
  setUmask(stub, 0);
  mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
}

interface MappedToolbox extends Pick<ExecPlan, 'namespaces'> {
  readonly idMap: IdMap;
  readonly toolbox: Toolbox;
}

/**
 * As `joinByToolbox` below, for a container of root's with a user namespace: the host's root mounts the toolbox,
 * because no other process may show its files with the container's IDs, and becomes root of the container after the
 * last look at a path of the host. The mounts are copied once more, to a namespace that belongs to the container's
 * root.
 */
function joinByMappedToolbox(
  stub: Stub,
  { namespaces, idMap, toolbox }: MappedToolbox,
  container: OpenedContainer & { readonly user: number },
): StubRoot {
  makeOwnMounts(stub);
  const root = withDescriptor(stub, container.user, (user) =>
    mountToolbox(stub, toolbox, container, (_, step) => mountMappedRoot(stub, step, { user, idMap })),
  );
  pivot(root, { do: 'pivot', readOnlyRoot: false });
  stub.call('close', [root.fd]);
  joinNamespacesOf(stub, container.process, ['user']);
  becomeRoot(stub, idMap);
  makeNamespaces(stub, ['mount']);
  joinNamespacesOf(
    stub,
    container.process,
    namespaces.filter((name) => name !== 'user' && name !== 'mount'),
  );
  return { stub, fd: openPath(stub, '/', O_PATH | constants.O_DIRECTORY) };
}

/** Joins all namespaces but the mount namespace; makes one of its own with the toolbox as root. */
function joinByToolbox(stub: Stub, { namespaces, idMap, toolbox }: ExecPlan, container: EnteredContainer): StubRoot {
  if (toolbox === undefined) throw new RangeError('there is no toolbox');
  const { user } = container;
  if (idMap !== undefined && user !== undefined) {
    return joinByMappedToolbox(stub, { namespaces, idMap, toolbox }, { ...container, user });
  }
  // The user namespace first: it gives all capabilities over the others.
  joinNamespacesOf(
    stub,
    container.process,
    namespaces.filter((name) => name === 'user'),
  );
  if (idMap?.caller !== undefined) setFileIds(stub, 0, 0);
  makeOwnMounts(stub);
  const root = mountToolbox(stub, toolbox, container);
  pivot(root, { do: 'pivot', readOnlyRoot: false });
  joinNamespacesOf(
    stub,
    container.process,
    namespaces.filter((name) => name !== 'user' && name !== 'mount'),
  );
  return root;
}

/**
 * Moves a stub into a running container; only the stub's children are in its PID namespace. Returns the root directory.
 *
 * @throws CONTAINER_STATE where the container has ended, LAUNCH_FAILED, SYSTEM_CALL
 */
export function enterNamespaces(stub: Stub, plan: ExecPlan, identity: ProcessIdentity): StubRoot {
  try {
    const container = openContainer(stub, plan, identity);
    const root = (plan.toolbox === undefined ? joinContainer : joinByToolbox)(stub, plan, container);
    stub.call('close', [container.process]);
    return root;
  } catch (error) {
    throw errnoOf(error) === 'ESRCH' || !isThere(identity) ? ended(error) : (stub.failure ?? error);
  }
}
