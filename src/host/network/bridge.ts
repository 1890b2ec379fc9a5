import { constants, existsSync, rmSync } from 'node:fs';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { BridgeRules } from '../../launch/network/firewall.ts';
import { type NamedNetwork, rulesOf } from '../../launch/network/named-network.ts';
import { type BridgePlan, insideOf, outside } from '../../launch/network/network-plan.ts';
import { isIpv6 } from '../../launch/network/publish.ts';
import { chooseAddress, gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress, type Network4 } from '../../linux/ipv4.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import type { Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { openPath } from '../../sys/stub/call/files.ts';
import { takeAway } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { requireTool } from '../facts/tools.ts';
import {
  bridgeExists,
  enableForwarding,
  ensureBridge,
  hardwareAddress,
  removeBridge,
  withoutIpv6,
} from './bridge-device.ts';
import { lockBridges, subnetFile, writeHosts } from './bridge-files.ts';
import type { Connection, NetworkContext } from './connection.ts';
import { applyFirewall, removeFirewall } from './firewall.ts';
import { forwardPorts } from './forward-ports.ts';
import { type Lease, removeLease, sweepLeases, takeLease } from './leases.ts';
import { reservePorts } from './reserve-ports.ts';
import { runTool, tryTool } from './run-tool.ts';

/** Where the bridge's leases are kept, and the host's tools that change it. */
interface BridgePlace {
  readonly directory: string;
  readonly rules: BridgeRules;
  readonly tools: HostTools;
}

/** A bridge that exists. */
interface Bridge extends BridgePlace {
  readonly subnet: Network4;
}

/** Removes the bridge with all that belongs to it. The caller holds the bridge's lock. */
async function dismantle({ directory, rules, tools }: BridgePlace): Promise<void> {
  await removeBridge(rules.bridge, tools);
  await removeFirewall(tools, rules);
  rmSync(directory, { recursive: true, force: true });
}

/**
 * Updates firewall rules and hosts files to the leases; without leases, removes all. The caller holds the bridge's
 * lock.
 */
async function settle(bridge: Bridge, leases: readonly Lease[]): Promise<void> {
  if (leases.length === 0) return dismantle(bridge);
  await applyFirewall(bridge.tools, bridge, leases);
  writeHosts(bridge, leases);
}

/** Connects the network namespace of a container's first process with the bridge. */
async function connect(
  first: Stub,
  { tools, rules, subnet }: Bridge,
  { plan, lease }: { readonly plan: BridgePlan; readonly lease: Lease },
): Promise<void> {
  const ip = requireTool(tools, 'ip');
  const [name, inside] = [outside(plan), insideOf(plan)];
  const address = formatAddress(lease.address);
  const host = [
    `link add ${name} type veth peer name ${inside} address ${hardwareAddress(lease.address)} netns ${first.pid}`,
    ...withoutIpv6(name),
    `link set ${name} master ${rules.bridge} up`,
  ];
  const container = [
    ...withoutIpv6(inside),
    `address add ${address}/${subnet.bits} brd + dev ${inside}`,
    `link set ${inside} up`,
    ...(rules.internal || plan.noRoute ? [] : [`route add default via ${formatAddress(gatewayOf(subnet))}`]),
  ];
  await runTool(ip, ['-batch', '-'], `${host.join('\n')}\n`);
  // By a descriptor of this process: /proc shows those of the stub to tracers only, and root may lack the right to
  // trace.
  const namespace = takeAway(first, openPath(first, '/proc/self/ns/net', constants.O_RDONLY));
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
export async function openBridge(plan: BridgePlan, tools: HostTools, context: NetworkContext): Promise<Connection> {
  const { id, directory, names, hosts, named, all } = plan;
  const rules = rulesOf(named);
  const wanted = { bridge: rules.bridge, subnet: named?.subnet };
  await using _ = await lockBridges(directory, context);
  makeDirectories(directory, 0o711);
  const others = await sweepLeases(directory);
  const reserved = await reservePorts(plan.ports, context.lastPorts);
  const { ports } = reserved;
  const place: BridgePlace = { directory, rules, tools };
  let lock: Lock | undefined;
  let bridge: Bridge | undefined;
  try {
    if (!rules.internal && enableForwarding()) {
      const message =
        'IP forwarding is on now (net.ipv4.ip_forward), so that containers reach other hosts; it was off before';
      context.onEvent?.({ kind: 'warning', message });
    }
    const ensured = { ...place, subnet: await ensureBridge(subnetFile(directory), wanted, tools) };
    bridge = ensured;
    const address = chooseAddress(
      ensured.subnet,
      others.map((lease) => lease.address),
    );
    const lease: Lease = { id, address, names, ports, hosts, all, gateway: all && gatewayOf(ensured.subnet) };
    const held = await takeLease(directory, lease);
    lock = held;
    await settle(ensured, [...others, lease]);
    const forwarded = forwardPorts(
      reserved.held.filter(({ port }) => isIpv6(port.hostAddress)),
      formatAddress(address),
    );
    return {
      async attach(container) {
        await connect(container, ensured, { plan, lease });
        return ports;
      },
      async [Symbol.asyncDispose]() {
        forwarded[Symbol.dispose]();
        await using _again = await lockBridges(directory);
        // The kernel removes the device with the container's namespace, but a moment later.
        await tryTool(requireTool(tools, 'ip'), ['link', 'delete', outside(plan)]);
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

/**
 * Removes the leftovers of killed launches on a bridge; returns whether the bridge is in use.
 * @param named the bridge's network; undefined for the default one
 */
export async function sweepBridge(
  directory: string,
  named: NamedNetwork | undefined,
  tools: HostTools,
): Promise<boolean> {
  const rules = rulesOf(named);
  await using _ = await lockBridges(directory);
  if (!existsSync(directory) && !bridgeExists(rules.bridge)) return false;
  makeDirectories(directory, 0o711);
  const leases = await sweepLeases(directory);
  const place: BridgePlace = { directory, rules, tools };
  if (leases.length === 0) {
    await dismantle(place);
    return false;
  }
  const wanted = { bridge: rules.bridge, subnet: named?.subnet };
  await settle({ ...place, subnet: await ensureBridge(subnetFile(directory), wanted, tools) }, leases);
  return true;
}
