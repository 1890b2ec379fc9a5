import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { ExecPlan } from '../../launch/plan/plan-exec.ts';
import { MS } from '../../linux/mount-flags.ts';
import { O_PATH } from '../../sys/file/open-how.ts';
import { setFileIds, setGroups, setIds, setUmask } from '../../sys/stub/call/become.ts';
import { goTo, openPath } from '../../sys/stub/call/files.ts';
import { changeRootToWorkingDirectory, mount } from '../../sys/stub/call/mounts.ts';
import { joinNamespacesOf, makeNamespaces, openProcess } from '../../sys/stub/call/namespaces.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { isThere, type ProcessIdentity } from '../state/process-identity.ts';
import { pivot } from '../steps/mounts.ts';
import type { StubRoot } from '../steps/root.ts';
import { mountToolbox, type OpenedContainer } from '../steps/toolbox.ts';

function ended(cause?: unknown): TsimgError {
  return new TsimgError('CONTAINER_STATE', 'the container has ended', { cause });
}

/**
 * Opens the first process and its root by its number, and checks that the process still exists: then both are its own.
 */
function openContainer(stub: Stub, identity: ProcessIdentity): OpenedContainer {
  const { pid } = identity;
  const process = openProcess(stub, pid);
  const root = openPath(stub, `/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  if (!isThere(identity)) throw ended();
  return { process, root: { stub, fd: root } };
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

/** Joins all namespaces but the mount namespace; makes one of its own with the toolbox as root. */
function joinByToolbox(stub: Stub, { namespaces, idMap, toolbox }: ExecPlan, container: OpenedContainer): StubRoot {
  if (toolbox === undefined) throw new RangeError('there is no toolbox');
  // The user namespace first: it gives all capabilities over the others.
  joinNamespacesOf(
    stub,
    container.process,
    namespaces.filter((name) => name === 'user'),
  );
  becomeRoot(stub, idMap);
  if (idMap?.caller !== undefined) setFileIds(stub, 0, 0);
  makeNamespaces(stub, ['mount']);
  setUmask(stub, 0);
  mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
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
 * Moves a stub into a running container; in the PID namespace are only its children. Returns the root directory.
 *
 * @throws CONTAINER_STATE where the container has ended, LAUNCH_FAILED, SYSTEM_CALL
 */
export function enterNamespaces(stub: Stub, plan: ExecPlan, identity: ProcessIdentity): StubRoot {
  try {
    const container = openContainer(stub, identity);
    const root = (plan.toolbox === undefined ? joinContainer : joinByToolbox)(stub, plan, container);
    stub.call('close', [container.process]);
    return root;
  } catch (error) {
    throw errnoOf(error) === 'ESRCH' || !isThere(identity) ? ended(error) : (stub.failure ?? error);
  }
}
