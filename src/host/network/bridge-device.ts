import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { chooseSubnet, gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress, formatNetwork, type Network4, overlaps, parseRoutes } from '../../linux/ipv4.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import { requireTool } from '../facts/tools.ts';
import { runTool, tryTool } from './run-tool.ts';

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';

/** Turns IPv6 off: containers on the bridge use IPv4 only, but each device would get an IPv6 address by itself. */
export function withoutIpv6(device: string): readonly string[] {
  return existsSync('/proc/sys/net/ipv6') ? [`link set dev ${device} addrgenmode none`] : [];
}

/** A locally administered device address made of the IPv4 address, so that it never changes. */
export function hardwareAddress(address: number): string {
  const bytes = [0x02, 0x54, ...[24, 16, 8, 0].map((shift) => (address >>> shift) & 255)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * Whether the bridge is in the network namespace of a process. /sys is of no use here: it shows the namespace that it
 * was mounted in. proc_pid_net(5)
 */
export function bridgeExists(bridge: string, process: number | 'self' = 'self'): boolean {
  const devices = readFileSync(`/proc/${process}/net/dev`, 'latin1').split('\n');
  return devices.some((line) => line.trimStart().startsWith(`${bridge}:`));
}

/** The bridge to make. */
export interface WantedBridge {
  readonly bridge: string;
  /** Its network; a free one is chosen when absent. */
  readonly subnet?: Network4 | undefined;
}

/** Returns the network for a new bridge. @throws HOST_UNSUPPORTED where the host has a route to a part of it */
function subnetFor({ bridge, subnet }: WantedBridge): Network4 {
  const routes = parseRoutes(readFileSync('/proc/self/net/route', 'latin1'));
  if (subnet === undefined) return chooseSubnet(routes);
  const other = routes.find((route) => overlaps(route, subnet));
  if (other === undefined) return subnet;
  throw new TsimgError('HOST_UNSUPPORTED', 'the network cannot be made on this host', {
    where: `${formatNetwork(subnet)} (${bridge})`,
    why: `the host has a route to ${formatNetwork(other)}`,
    hint: 'remove the network and create it again with another --subnet',
  });
}

/**
 * Makes the bridge where it is missing; returns its network. The caller holds the bridge's lock.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED
 */
export async function ensureBridge(stateFile: string, wanted: WantedBridge, tools: HostTools): Promise<Network4> {
  const { bridge } = wanted;
  const ip = requireTool(tools, 'ip');
  if (bridgeExists(bridge)) {
    if (existsSync(stateFile)) {
      const subnet: Network4 = JSON.parse(readFileSync(stateFile, 'utf8'));
      return subnet;
    }
    // A tsimg was killed after it made the bridge and before it recorded the network.
    await runTool(ip, ['link', 'delete', bridge]);
  }
  const subnet = subnetFor(wanted);
  const gateway = gatewayOf(subnet);
  replaceFileSync(stateFile, JSON.stringify(subnet), { mode: 0o644 });
  const commands = [
    `link add ${bridge} address ${hardwareAddress(gateway)} type bridge`,
    ...withoutIpv6(bridge),
    `address add ${formatAddress(gateway)}/${subnet.bits} brd + dev ${bridge}`,
    `link set ${bridge} up`,
  ];
  await runTool(ip, ['-batch', '-'], `${commands.join('\n')}\n`);
  // Lets published ports be reached at 127.0.0.1. The firewall keeps containers away from the host's loopback.
  writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1');
  return subnet;
}

export async function removeBridge(bridge: string, tools: HostTools): Promise<void> {
  if (bridgeExists(bridge)) await tryTool(requireTool(tools, 'ip'), ['link', 'delete', bridge]);
}

/** Enables IP forwarding; returns whether it was off. It stays on afterwards, for other programs may rely on it. */
export function enableForwarding(): boolean {
  if (readFileSync(FORWARDING, 'latin1').trim() !== '0') return false;
  writeFileSync(FORWARDING, '1');
  return true;
}
