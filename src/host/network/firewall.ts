import type { HostTools } from '../../launch/facts/host-facts.ts';
import {
  type BridgeRules,
  type Forwarding,
  formatIptables,
  formatNftables,
  iptablesChains,
  iptablesJumps,
  removeNftables,
} from '../../launch/network/firewall.ts';
import type { Network4 } from '../../linux/ipv4.ts';
import { requireTool } from '../facts/tools.ts';
import { runTool, tryTool } from './run-tool.ts';

/** Waits for other programs that change rules. */
const WAIT = '-w';

/** A bridge and its network, to which rules are applied. */
export interface RuledNetwork {
  readonly rules: BridgeRules;
  readonly subnet: Network4;
}

/** Replaces a bridge's rules with those for these containers. @throws LAUNCH_FAILED, HOST_UNSUPPORTED */
export async function applyFirewall(
  tools: HostTools,
  { rules, subnet }: RuledNetwork,
  containers: readonly Forwarding[],
): Promise<void> {
  if (tools.nft !== undefined) return runTool(tools.nft, ['-f', '-'], formatNftables(subnet, containers, rules));
  const iptables = requireTool(tools, 'iptables');
  await runTool(requireTool(tools, 'iptablesRestore'), [WAIT, '--noflush'], formatIptables(subnet, containers, rules));
  for (const { table, from, rule } of iptablesJumps(rules)) {
    const isThere = await tryTool(iptables, [WAIT, '-t', table, '-C', from, ...rule]);
    if (!isThere) await runTool(iptables, [WAIT, '-t', table, '-I', from, ...rule]);
  }
}

/** Removes all rules of a bridge. */
export async function removeFirewall(tools: HostTools, rules: BridgeRules): Promise<void> {
  if (tools.nft !== undefined) return runTool(tools.nft, ['-f', '-'], removeNftables(rules).join('\n'));
  const iptables = requireTool(tools, 'iptables');
  for (const { table, from, rule } of iptablesJumps(rules))
    await tryTool(iptables, [WAIT, '-t', table, '-D', from, ...rule]);
  for (const { table, chain } of iptablesChains(rules)) {
    await tryTool(iptables, [WAIT, '-t', table, '-F', chain]);
    await tryTool(iptables, [WAIT, '-t', table, '-X', chain]);
  }
}
