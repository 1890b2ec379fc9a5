import { existsSync } from 'node:fs';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { cgroupDirectory } from '../../launch/limits/limits.ts';
import { bridgeDirectory } from '../../launch/network/network-plan.ts';
import { sweepCgroups } from '../cgroup/cgroup.ts';
import { hasLease } from '../network/leases.ts';
import type { ContainerRecord } from '../state/record.ts';

/**
 * Removes the leftovers of a container whose tsimg was killed, outside of the container's directory: its cgroups, and
 * its lease on the bridge. @throws LAUNCH_FAILED, HOST_UNSUPPORTED, FILESYSTEM
 */
export async function sweepKilled({ id, plan }: ContainerRecord, facts: HostFacts): Promise<void> {
  for (const each of plan.cgroups) {
    if (existsSync(cgroupDirectory(each))) await sweepCgroups(each.base);
  }
  const { network } = plan;
  // A bridge of another network namespace cannot be changed from here.
  if (network.kind !== 'bridge' || network.directory !== bridgeDirectory(facts.network)) return;
  if (hasLease(network.directory, id))
    await (await import('../network/bridge.ts')).sweepBridge(network.directory, facts.tools);
}
