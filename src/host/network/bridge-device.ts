import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { BRIDGE } from '../../launch/network/firewall.ts';
import { chooseSubnet, gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress, type Network4, parseRoutes } from '../../linux/ipv4.ts';
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
 * Whether the bridge is in this network namespace. /sys is of no use here: it shows the namespace that it was mounted
 * in. proc_pid_net(5)
 */
export function bridgeExists(): boolean {
  const devices = readFileSync('/proc/self/net/dev', 'latin1').split('\n');
  return devices.some((line) => line.trimStart().startsWith(`${BRIDGE}:`));
}

/**
 * Makes the bridge where it is missing; returns its network. The caller holds the bridge's lock.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED
 */
export async function ensureBridge(stateFile: string, tools: HostTools): Promise<Network4> {
  const ip = requireTool(tools, 'ip');
  if (bridgeExists()) {
    if (existsSync(stateFile)) {
      const subnet: Network4 = JSON.parse(readFileSync(stateFile, 'utf8'));
      return subnet;
    }
    // A tsimg was killed after it made the bridge and before it recorded the network.
    await runTool(ip, ['link', 'delete', BRIDGE]);
  }
  const subnet = chooseSubnet(parseRoutes(readFileSync('/proc/self/net/route', 'latin1')));
  const gateway = gatewayOf(subnet);
  replaceFileSync(stateFile, JSON.stringify(subnet), { mode: 0o644 });
  const commands = [
    `link add ${BRIDGE} address ${hardwareAddress(gateway)} type bridge`,
    ...withoutIpv6(BRIDGE),
    `address add ${formatAddress(gateway)}/${subnet.bits} brd + dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ];
  await runTool(ip, ['-batch', '-'], `${commands.join('\n')}\n`);
  // So that published ports can be reached at 127.0.0.1. The firewall keeps containers away from the host's loopback.
  writeFileSync(`/proc/sys/net/ipv4/conf/${BRIDGE}/route_localnet`, '1');
  return subnet;
}

export async function removeBridge(tools: HostTools): Promise<void> {
  if (bridgeExists()) await tryTool(requireTool(tools, 'ip'), ['link', 'delete', BRIDGE]);
}

/** Enables IP forwarding; returns whether it was off. It stays on afterwards, for other programs may rely on it. */
export function enableForwarding(): boolean {
  if (readFileSync(FORWARDING, 'latin1').trim() !== '0') return false;
  writeFileSync(FORWARDING, '1');
  return true;
}
