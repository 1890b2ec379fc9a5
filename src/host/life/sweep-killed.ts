import { existsSync } from 'node:fs';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { cgroupDirectory } from '../../launch/limits/limits.ts';
import { bridgeDirectory } from '../../launch/network/network-plan.ts';
import { sweepCgroups } from '../cgroup/cgroup.ts';
import { hasLease } from '../network/leases.ts';
import type { ContainerRecord } from '../state/record.ts';

/**
 * Removes what is left outside of a container's directory where its tsimg was killed: its cgroups, and its place on the
 * bridge. That of a container which ended as it should is gone already. @throws LAUNCH_FAILED, HOST_UNSUPPORTED,
 * FILESYSTEM
 */
export async function sweepKilled({ id, plan }: ContainerRecord, facts: HostFacts): Promise<void> {
  for (const each of plan.cgroups) {
    if (existsSync(cgroupDirectory(each))) await sweepCgroups(each.base);
  }
  const { network } = plan;
  // Of another network namespace, nothing can be removed from here.
  if (network.kind !== 'bridge' || network.directory !== bridgeDirectory(facts.network)) return;
  if (hasLease(network.directory, id))
    await (await import('../network/bridge.ts')).sweepBridge(network.directory, facts.tools);
}
