import { chmodSync, constants, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { BRIDGE } from '../../launch/network/firewall.ts';
import { INSIDE, type NetworkPlan, outside } from '../../launch/network/network-plan.ts';
import { chooseAddress, gatewayOf } from '../../launch/network/subnet.ts';
import { bridgeHosts } from '../../launch/plan/network-files.ts';
import { formatAddress, type Network4 } from '../../linux/ipv4.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { acquireLock, type Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { openPath } from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { makeRuntimeDirectory } from '../facts/runtime-directory.ts';
import { requireTool } from '../facts/tools.ts';
import {
  bridgeExists,
  enableForwarding,
  ensureBridge,
  hardwareAddress,
  removeBridge,
  withoutIpv6,
} from './bridge-device.ts';
import type { Connection } from './connection.ts';
import { applyFirewall, removeFirewall } from './firewall.ts';
import { hostsFile, type Lease, removeLease, sweepLeases, takeLease } from './leases.ts';
import { reservePorts } from './reserve-ports.ts';
import { runTool, tryTool } from './run-tool.ts';

type BridgePlan = Extract<NetworkPlan, { kind: 'bridge' }>;

/** Where the bridge's leases are kept, and the host's tools that change it. */
interface BridgePlace {
  readonly directory: string;
  readonly tools: HostTools;
}

/** A bridge that exists. */
interface Bridge extends BridgePlace {
  readonly subnet: Network4;
}

async function lockBridges(directory: string, context?: Context): Promise<Lock> {
  const parent = dirname(directory);
  makeRuntimeDirectory(dirname(parent), 0);
  makeDirectories(parent, 0o700);
  return acquireLock(join(parent, 'lock'), 'exclusive', context);
}

/**
 * Writes the hosts files of all containers of the bridge. They are changed in place, for the containers have the files
 * mounted.
 */
function writeHosts({ directory, subnet }: Bridge, leases: readonly Lease[]): void {
  const peers = leases.map(({ address, names }) => ({ address: formatAddress(address), names }));
  for (const lease of leases) {
    const text = bridgeHosts(formatAddress(gatewayOf(subnet)), peers, lease.hosts);
    const path = hostsFile(directory, lease.id);
    writeFileSync(path, text);
    // All users of the container may read it, whatever the caller's umask is.
    chmodSync(path, 0o644);
  }
}

/** Removes the bridge with all that belongs to it. The caller holds the bridge's lock. */
async function dismantle({ directory, tools }: BridgePlace): Promise<void> {
  await removeBridge(tools);
  await removeFirewall(tools);
  rmSync(directory, { recursive: true, force: true });
}

/**
 * Updates firewall rules and hosts files to the leases; without leases, removes all. The caller holds the bridge's
 * lock.
 */
async function settle(bridge: Bridge, leases: readonly Lease[]): Promise<void> {
  if (leases.length === 0) return dismantle(bridge);
  await applyFirewall(bridge.tools, bridge.subnet, leases);
  writeHosts(bridge, leases);
}

/** Connects the network namespace of a container's first process with the bridge. */
async function connect(first: Stub, { tools, subnet }: Bridge, lease: Lease): Promise<void> {
  const ip = requireTool(tools, 'ip');
  const name = outside(lease.id);
  const address = formatAddress(lease.address);
  const host = [
    `link add ${name} type veth peer name ${INSIDE} address ${hardwareAddress(lease.address)} netns ${first.pid}`,
    ...withoutIpv6(name),
    `link set ${name} master ${BRIDGE} up`,
  ];
  const container = [
    ...withoutIpv6(INSIDE),
    `address add ${address}/${subnet.bits} brd + dev ${INSIDE}`,
    `link set ${INSIDE} up`,
    `route add default via ${formatAddress(gatewayOf(subnet))}`,
  ];
  await runTool(ip, ['-batch', '-'], `${host.join('\n')}\n`);
  // By a descriptor of this process: /proc shows those of the stub to tracers only, and root may lack the right to
  // trace.
  const theirs = openPath(first, '/proc/self/ns/net', constants.O_RDONLY);
  const namespace = first.take(theirs);
  first.later({ name: 'close', args: [theirs] });
  try {
    const enter = [`--net=/proc/${process.pid}/fd/${namespace}`, '--', ip, '-batch', '-'];
    await runTool(requireTool(tools, 'nsenter'), enter, `${container.join('\n')}\n`);
  } finally {
    closeDescriptor(namespace);
  }
}

/**
 * Takes a place on the bridge: an address, names, ports. All is removed when the connection is disposed; after a crash,
 * it is removed when the next container starts or ends, or by `sweepBridge`.
 *
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, LIMIT_EXCEEDED, an AbortError on `signal`
 */
export async function openBridge(plan: BridgePlan, tools: HostTools, context: Context): Promise<Connection> {
  const { id, directory, names, ports, hosts } = plan;
  await using _ = await lockBridges(directory, context);
  makeDirectories(directory, 0o711);
  const others = await sweepLeases(directory);
  const reserved = await reservePorts(ports);
  const place: BridgePlace = { directory, tools };
  let lock: Lock | undefined;
  let bridge: Bridge | undefined;
  try {
    if (enableForwarding()) {
      const message =
        'IP forwarding is on now (net.ipv4.ip_forward), so that containers reach other hosts; it was off before';
      context.onEvent?.({ kind: 'warning', message });
    }
    const ensured = { ...place, subnet: await ensureBridge(join(directory, 'bridge.json'), tools) };
    bridge = ensured;
    const address = chooseAddress(
      ensured.subnet,
      others.map((lease) => lease.address),
    );
    const lease: Lease = { id, address, names, ports, hosts };
    const held = await takeLease(directory, lease);
    lock = held;
    await settle(ensured, [...others, lease]);
    return {
      attach: (container) => connect(container, ensured, lease),
      async [Symbol.asyncDispose]() {
        await using _again = await lockBridges(directory);
        // The kernel removes it with the container's namespace, but a moment later.
        await tryTool(requireTool(tools, 'ip'), ['link', 'delete', outside(id)]);
        removeLease(directory, id);
        await held.close();
        reserved[Symbol.dispose]();
        await settle(ensured, await sweepLeases(directory));
      },
    };
  } catch (error) {
    removeLease(directory, id);
    await lock?.close();
    reserved[Symbol.dispose]();
    if (others.length === 0) await dismantle(place);
    else if (bridge !== undefined) await settle(bridge, others);
    throw error;
  }
}

/** Removes the leftovers of killed launches on the bridge; returns whether the bridge is in use. */
export async function sweepBridge(directory: string, tools: HostTools): Promise<boolean> {
  await using _ = await lockBridges(directory);
  const isKnown = readdirSync(dirname(directory)).includes(directory.slice(dirname(directory).length + 1));
  if (!isKnown && !bridgeExists()) return false;
  makeDirectories(directory, 0o711);
  const leases = await sweepLeases(directory);
  if (leases.length === 0) {
    await dismantle({ directory, tools });
    return false;
  }
  await settle({ directory, tools, subnet: await ensureBridge(join(directory, 'bridge.json'), tools) }, leases);
  return true;
}
