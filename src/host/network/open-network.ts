import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { NetworkPlan } from '../../launch/network/network-plan.ts';
import type { Connection } from './connection.ts';

const NOTHING: Connection = { attach: async () => {}, [Symbol.asyncDispose]: async () => {} };

/**
 * Prepares a container's network. Only the code for its kind is loaded. @throws LAUNCH_FAILED, HOST_UNSUPPORTED,
 * LIMIT_EXCEEDED
 */
export async function openNetwork(plan: NetworkPlan, tools: HostTools, context: Context): Promise<Connection> {
  switch (plan.kind) {
    case 'none':
    case 'host':
    case 'join':
      return NOTHING;
    case 'bridge':
      return (await import('./bridge.ts')).openBridge(plan, tools, context);
    case 'pasta':
      return (await import('./pasta.ts')).openPasta(plan, tools);
    case 'slirp4netns':
      return (await import('./slirp4netns.ts')).openSlirp4netns(plan, tools);
  }
}
