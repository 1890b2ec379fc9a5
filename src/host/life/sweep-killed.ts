import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { cgroupDirectory } from '../../launch/limits/limits.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { type BridgePlan, bridgeDirectory } from '../../launch/network/network-plan.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import { sweepCgroups } from '../cgroup/cgroup.ts';
import { hasLease, hasLeases } from '../network/leases.ts';
import type { ContainerRecord } from '../state/record.ts';

/**
 * Removes the leftovers of a container whose tsimg was killed, outside of the container's directory: its cgroups, and
 * its lease on the bridge. @throws LAUNCH_FAILED, HOST_UNSUPPORTED, FILESYSTEM
 */
export async function sweepKilled({ id, plan }: ContainerRecord, facts: HostFacts): Promise<void> {
  for (const each of plan.cgroups) {
    // It may have been killed before it made its own cgroup: so the folder of all containers' cgroups is looked for.
    if (existsSync(dirname(cgroupDirectory(each)))) await sweepCgroups(each.base);
  }
  for (const bridge of bridgesOf(plan.network)) await sweepPlace(bridge, id, facts);
}

/** Removes a killed container's lease on one of its networks. */
async function sweepPlace(network: BridgePlan, id: string, facts: HostFacts): Promise<void> {
  // A bridge of another network namespace cannot be changed from here.
  if (network.directory !== bridgeDirectory(facts.network, network.named)) return;
  const { directory, named, ordinary } = network;
  // It may have been killed before it had a lease, or after: the directory comes first and goes last.
  const isBare = !ordinary && existsSync(directory) && !hasLeases(directory);
  if (!hasLease(directory, id) && !isBare) return;
  if (ordinary && named !== undefined)
    await (await import('../network/user-bridge.ts')).sweepUserBridge(directory, named);
  else await (await import('../network/bridge.ts')).sweepBridge(directory, named, facts.tools);
}

/**
 * Removes what killed launches left of a network that a user made: its bridge, its rules and its leases, in the
 * caller's network namespace. @throws LAUNCH_FAILED, HOST_UNSUPPORTED, FILESYSTEM
 */
export async function sweepNetwork(named: NamedNetwork, { canMount, network, tools }: HostFacts): Promise<void> {
  const directory = bridgeDirectory(network, named);
  if (!existsSync(directory)) return;
  if (canMount) await (await import('../network/bridge.ts')).sweepBridge(directory, named, tools);
  else await (await import('../network/user-bridge.ts')).sweepUserBridge(directory, named);
}
