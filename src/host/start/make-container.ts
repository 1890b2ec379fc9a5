import { constants } from 'node:fs';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { dieWithParent, setIds } from '../../sys/stub/call/become.ts';
import { openPath } from '../../sys/stub/call/files.ts';
import { joinNamespace, makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { forkHand } from '../../sys/stub/fork-stub.ts';
import type { Hand } from '../../sys/stub/stub.ts';
import { becomeMappedRoot, type MadeOutside } from '../steps/mapped-root.ts';
import { makeUserNamespace } from '../steps/write-id-maps.ts';

type Joined = Extract<LaunchPlan['network'], { kind: 'join' }>;

/** Root of the other container's user namespace, which has the same map, is root over its network too. */
function joinNetwork(hand: Hand, { path, userNamespace }: Joined): void {
  const network = openPath(hand, path, constants.O_RDONLY);
  if (userNamespace !== undefined) {
    const user = openPath(hand, userNamespace, constants.O_RDONLY);
    joinNamespace(hand, user, 'user', userNamespace);
    hand.later({ name: 'close', args: [user] });
  }
  joinNamespace(hand, network, 'network', path);
  hand.later({ name: 'close', args: [network] });
}

/** The first process in a container's namespaces. */
export interface MadeContainer {
  readonly container: Hand;
  readonly outside: MadeOutside | undefined;
}

/**
 * Makes a plan's namespaces by a hand, and its child, which is the first process in them. A user namespace comes first: who
 * made it has all capabilities over those that follow.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED, SYSTEM_CALL
 */
export async function makeContainer(hand: Hand, plan: LaunchPlan, tools: HostTools): Promise<MadeContainer> {
  const { network, idMap } = plan;
  const joined = network.kind === 'join' ? network : undefined;
  if (joined !== undefined) joinNetwork(hand, joined);
  let outside: MadeOutside | undefined;
  if (idMap?.by === 'root') {
    outside = await becomeMappedRoot(hand, plan, idMap, tools);
  } else if (idMap !== undefined) {
    if (joined?.userNamespace === undefined) {
      await makeUserNamespace(hand, idMap, tools);
    }
    // Others keep their IDs, by which the caller has a say in them, until they are the command.
    if (idMap.caller === undefined) setIds(hand, 0, 0);
  }
  if (plan.namespaces.length > 0) makeNamespaces(hand, plan.namespaces);
  // New credentials clear it, and a child never has its parent's.
  dieWithParent(hand);
  const container = forkHand(hand);
  dieWithParent(container);
  return { container, outside };
}
