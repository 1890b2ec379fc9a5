import type { CgroupFacts } from '../../../src/launch/facts/cgroup-facts.ts';
import type { NetworkFacts } from '../../../src/launch/facts/network-facts.ts';

/** A host without cgroups, as far as tsimg knows. */
export const NO_CGROUPS: CgroupFacts = { v1: [], v2: [] };

/** The network of an unknown host. */
export const NO_NETWORK_FACTS: NetworkFacts = {
  namespace: '0',
  runtimeDirectory: '/run/tsimg',
  resolvConf: '',
  canOpenTun: false,
};
