import { throwAll } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BridgePlan, NetworkPlan } from '../../launch/network/network-plan.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import type { Connection, NetworkContext } from './connection.ts';

const NOTHING: Connection = { attach: async () => [], [Symbol.asyncDispose]: async () => {} };

async function openOne(plan: BridgePlan, tools: HostTools, context: NetworkContext): Promise<Connection> {
  if (plan.ordinary) return (await import('./user-bridge.ts')).openUserBridge(plan, tools, context);
  return (await import('./bridge.ts')).openBridge(plan, tools, context);
}

/** Closes connections, the last one first, each also where another fails. */
async function closeAll(opened: readonly Connection[]): Promise<void> {
  const failures: unknown[] = [];
  for (const each of opened.toReversed()) {
    try {
      await each[Symbol.asyncDispose]();
    } catch (error) {
      failures.push(error);
    }
  }
  throwAll(failures);
}

/** Takes a place on several networks: on all, or on none. */
async function openSeveral(plan: BridgePlan, tools: HostTools, context: NetworkContext): Promise<Connection> {
  const opened: Connection[] = [];
  try {
    for (const each of bridgesOf(plan)) opened.push(await openOne(each, tools, context));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  return {
    async attach(container) {
      const ports: PublishedPort[] = [];
      for (const each of opened) ports.push(...(await each.attach(container)));
      return ports;
    },
    [Symbol.asyncDispose]: () => closeAll(opened),
  };
}

/**
 * Prepares a container's network. Only the code for its kind is loaded. @throws LAUNCH_FAILED, HOST_UNSUPPORTED,
 * LIMIT_EXCEEDED
 */
export async function openNetwork(plan: NetworkPlan, tools: HostTools, context: NetworkContext): Promise<Connection> {
  switch (plan.kind) {
    case 'none':
    case 'host':
    case 'join':
      return NOTHING;
    case 'bridge':
      return plan.further === undefined ? openOne(plan, tools, context) : openSeveral(plan, tools, context);
    case 'pasta':
      return (await import('./pasta.ts')).openPasta(plan, tools, context);
    case 'slirp4netns':
      return (await import('./slirp4netns.ts')).openSlirp4netns(plan, tools, context);
  }
}
