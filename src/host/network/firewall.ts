import type { HostTools } from '../../launch/facts/host-facts.ts';
import {
  type Forwarding,
  formatIptables,
  formatNftables,
  IPTABLES_CHAINS,
  IPTABLES_JUMPS,
  removeNftables,
} from '../../launch/network/firewall.ts';
import type { Network4 } from '../../linux/ipv4.ts';
import { requireTool } from '../facts/tools.ts';
import { runTool, tryTool } from './run-tool.ts';

/** Waits for other programs that change rules. */
const WAIT = '-w';

/** Replaces tsimg's rules with those for these containers. @throws LAUNCH_FAILED, HOST_UNSUPPORTED */
export async function applyFirewall(
  tools: HostTools,
  subnet: Network4,
  containers: readonly Forwarding[],
): Promise<void> {
  if (tools.nft !== undefined) return runTool(tools.nft, ['-f', '-'], formatNftables(subnet, containers));
  const iptables = requireTool(tools, 'iptables');
  await runTool(requireTool(tools, 'iptablesRestore'), [WAIT, '--noflush'], formatIptables(subnet, containers));
  for (const { table, from, rule } of IPTABLES_JUMPS) {
    const isThere = await tryTool(iptables, [WAIT, '-t', table, '-C', from, ...rule]);
    if (!isThere) await runTool(iptables, [WAIT, '-t', table, '-I', from, ...rule]);
  }
}

/** Removes all rules of tsimg. */
export async function removeFirewall(tools: HostTools): Promise<void> {
  if (tools.nft !== undefined) return runTool(tools.nft, ['-f', '-'], removeNftables().join('\n'));
  const iptables = requireTool(tools, 'iptables');
  for (const { table, from, rule } of IPTABLES_JUMPS) await tryTool(iptables, [WAIT, '-t', table, '-D', from, ...rule]);
  for (const { table, chain } of IPTABLES_CHAINS) {
    await tryTool(iptables, [WAIT, '-t', table, '-F', chain]);
    await tryTool(iptables, [WAIT, '-t', table, '-X', chain]);
  }
}
