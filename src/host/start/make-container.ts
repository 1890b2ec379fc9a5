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

/** Root of the other container's user namespace, which has the same map, is root over its network too. */
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

/**
 * Makes a plan's namespaces by a stub, and its child, which is the first process in them. A user namespace comes first:
 * who made it has all capabilities over those that follow.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function makeContainer(stub: Stub, plan: LaunchPlan, tools: HostTools): Promise<MadeContainer> {
  const { network, idMap } = plan;
  const joined = network.kind === 'join' ? network : undefined;
  if (joined !== undefined) joinNetwork(stub, joined);
  let outside: MadeOutside | undefined;
  if (idMap?.by === 'root') {
    outside = await becomeMappedRoot(stub, { steps: plan.steps, idMap, tools });
  } else if (idMap !== undefined) {
    if (joined?.userNamespace === undefined) {
      await makeUserNamespace(stub, idMap, tools);
    }
    // Others keep their IDs, by which the caller has a say in them, until they are the command.
    if (idMap.caller === undefined) setIds(stub, 0, 0);
  }
  if (plan.namespaces.length > 0) makeNamespaces(stub, plan.namespaces);
  // New credentials clear it, and a child never has its parent's.
  dieWithParent(stub);
  const container = forkStub(stub);
  dieWithParent(container);
  return { container, outside };
}
