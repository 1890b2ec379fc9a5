import { constants } from 'node:fs';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { dieWithParent, setIds } from '../../sys/stub/call/become.ts';
import { openPath } from '../../sys/stub/call/files.ts';
import { joinNamespace, makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { forkStub } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import type { MadeOutside } from '../steps/steps.ts';
import { makeUserNamespace } from './make-user-namespace.ts';
import { becomeMappedRoot } from './mapped-root.ts';

type Joined = Extract<LaunchPlan['network'], { kind: 'join' }>;

/**
 * Joins another container's network. If that container has a user namespace, the stub joins it first, because only its
 * root may use the network.
 */
function joinNetwork(stub: Stub, { path, userNamespace }: Joined): void {
  const network = openPath(stub, path, constants.O_RDONLY);
  if (userNamespace !== undefined) {
    const user = openPath(stub, userNamespace, constants.O_RDONLY);
    joinNamespace(stub, user, 'user', userNamespace);
    stub.later({ name: 'close', args: [user] });
  }
  joinNamespace(stub, network, 'network', path);
  stub.later({ name: 'close', args: [network] });
}

/** The first process in a container's namespaces. */
export interface MadeContainer {
  readonly container: Stub;
  readonly outside: MadeOutside | undefined;
}

/** What the making of a container takes besides the plan. */
export interface Making {
  readonly tools: HostTools;
  /** Whether the stub is root of the plan's user namespace already. */
  readonly isMapped?: boolean | undefined;
  readonly onUserNamespace?: ((stub: Stub) => void) | undefined;
  /** Root of the user namespace above that of the plan, where real root's launch makes that. */
  readonly userNamespaceAbove?: Stub | undefined;
}

/**
 * Makes a plan's namespaces by a stub, and the stub's child, which is the first process in them. The user namespace
 * comes first: its root has all capabilities in the namespaces that follow.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function makeContainer(
  stub: Stub,
  plan: LaunchPlan,
  { tools, isMapped = false, onUserNamespace, userNamespaceAbove }: Making,
): Promise<MadeContainer> {
  const { network, idMap } = plan;
  const joined = network.kind === 'join' ? network : undefined;
  if (joined !== undefined) joinNetwork(stub, joined);
  let outside: MadeOutside | undefined;
  if (idMap?.by === 'root') {
    outside = await becomeMappedRoot(stub, { steps: plan.steps, idMap, tools, above: userNamespaceAbove });
    onUserNamespace?.(stub);
  } else if (idMap !== undefined && !isMapped) {
    if (joined?.userNamespace === undefined) {
      await makeUserNamespace(stub, idMap, tools);
    }
    // With keep-id, the process keeps the caller's IDs until it is the command, so that the caller may act on it.
    if (idMap.caller === undefined) setIds(stub, 0, 0);
  }
  if (plan.namespaces.length > 0) makeNamespaces(stub, plan.namespaces);
  // The change of credentials cleared the parent-death signal, and a child does not inherit it.
  dieWithParent(stub);
  const container = forkStub(stub);
  dieWithParent(container);
  return { container, outside };
}
