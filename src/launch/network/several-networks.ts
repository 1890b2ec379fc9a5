import { TsimgError } from '../../errors.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { NamedNetwork } from './named-network.ts';
import { type BridgePlan, type NetworkPlan, type NetworkSurroundings, planNetwork } from './network-plan.ts';

/** The name of a device on the host has room for one digit to base 36. */
const MAX_NETWORKS = 36;

/** Returns the bridges that a container is on, the first one first; none for another kind of network. */
export function bridgesOf(network: NetworkPlan): readonly BridgePlan[] {
  return network.kind === 'bridge' ? [network, ...(network.further ?? [])] : [];
}

/** Gives a container other names on all its networks. */
export function withNames(network: BridgePlan, names: readonly string[]): BridgePlan {
  return { ...network, names, further: network.further?.map((each) => ({ ...each, names })) };
}

function refuse(where: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'a container cannot be on these networks together', {
    where,
    why,
    hint: 'several networks are those of tsimg network create, and as root the bridge as the first one',
  });
}

/**
 * Adds further networks to the plan of the first one. The first that is not internal gets the default route; ports are
 * published on the first one.
 * @throws USAGE, HOST_UNSUPPORTED
 */
export function planFurther(
  first: NetworkPlan,
  further: readonly NamedNetwork[],
  facts: HostFacts,
  around: NetworkSurroundings,
): NetworkPlan {
  if (further.length === 0) return first;
  const options = further.map(({ name }) => `--network ${name}`).join(' ');
  if (first.kind !== 'bridge') throw refuse(options, `the first one is ${first.kind}`);
  if (further.length >= MAX_NETWORKS) throw refuse(options, `they are more than ${MAX_NETWORKS}`);
  const bridges = [first];
  for (const named of further) {
    if (bridges.some((each) => each.named?.id === named.id)) throw refuse(options, `${named.name} is named twice`);
    const plan = planNetwork({ network: named.name }, facts, { ...around, named, hosts: [], exposed: [] });
    if (plan.kind === 'bridge') bridges.push(plan);
  }
  const all = bridges.map(({ directory }) => directory);
  const routed = bridges.findIndex(({ named }) => !named?.internal);
  const [own = first, ...others] = bridges.map((bridge, device): BridgePlan => {
    return { ...bridge, device, all, ...(device === routed ? {} : { noRoute: true }) };
  });
  return { ...own, further: others };
}
