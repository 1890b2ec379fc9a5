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

/** Joins another container's network: by its user namespace, if it has one, whose root may use that network. */
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
 * Makes a plan's namespaces by a stub, and the stub's child, which is the first process in them. The user namespace
 * comes first: its root has all capabilities in the namespaces that follow.
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
    // With keep-id, the process keeps the caller's IDs until it is the command, so that the caller may act on it.
    if (idMap.caller === undefined) setIds(stub, 0, 0);
  }
  if (plan.namespaces.length > 0) makeNamespaces(stub, plan.namespaces);
  // The change of credentials cleared it, and a child does not inherit it.
  dieWithParent(stub);
  const container = forkStub(stub);
  dieWithParent(container);
  return { container, outside };
}
