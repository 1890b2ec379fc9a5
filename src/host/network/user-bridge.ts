import { createSocket } from 'node:dgram';
import { constants, existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { type BridgePlan, insideOf, outside } from '../../launch/network/network-plan.ts';
import { chooseAddress, gatewayOf } from '../../launch/network/subnet.ts';
import { formatAddress } from '../../linux/ipv4.ts';
import { deleteLink, linkUp, newAddress4, newDefaultRoute4, newVeth, withoutAddress6 } from '../../linux/rtnetlink.ts';
import { closeDescriptor } from '../../sys/file/files.ts';
import { acquireLock, type Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { type NetlinkSocket, openNetlink } from '../../sys/netlink.ts';
import { openPath } from '../../sys/stub/call/files.ts';
import { deviceIndex, openSocketIn } from '../../sys/stub/call/sockets.ts';
import { takeAway } from '../../sys/stub/fork-stub.ts';
import type { StartedStub } from '../../sys/stub/start-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { hardwareAddress } from './bridge-device.ts';
import { lockBridges, writeHosts } from './bridge-files.ts';
import type { Connection, NetworkContext } from './connection.ts';
import { forwardPorts, type SocketsInside } from './forward-ports.ts';
import { awaitHolderEnd, BRIDGE_INDEX, findHolder, startHolder, stubIn, usersFile } from './holder.ts';
import { type Lease, removeLease, sweepLeases, takeLease } from './leases.ts';
import { reservePorts } from './reserve-ports.ts';

/** Removes the device of the container's last run: the kernel does so with its namespace, but a moment later. */
function removeDevice(bridge: NetlinkSocket, name: string): void {
  try {
    bridge.send(deleteLink(name), name);
  } catch (error) {
    if (errnoOf(error) !== 'ENODEV') throw error;
  }
}

/** Connects the network namespace of a container's first process with the bridge, by messages of this process. */
function connect(
  first: Stub,
  holder: Stub,
  { plan, named, lease }: { readonly plan: BridgePlan; readonly named: NamedNetwork; readonly lease: Lease },
): void {
  const namespace = takeAway(first, openPath(first, '/proc/self/ns/net', constants.O_RDONLY));
  const [name, inner] = [outside(plan), insideOf(plan)];
  const has6 = existsSync('/proc/sys/net/ipv6');
  try {
    using bridge = openNetlink(holder);
    removeDevice(bridge, name);
    const peer = { name: inner, namespace, hardware: hardwareAddress(lease.address) };
    bridge.send(newVeth({ name, bridge: BRIDGE_INDEX, peer }), `veth ${name}`);
    if (has6) bridge.send(withoutAddress6(name), name);
    bridge.send(linkUp(name), name);
    using inside = openNetlink(first);
    const index = deviceIndex(first, inner);
    if (has6) inside.send(withoutAddress6(inner), inner);
    inside.send(newAddress4(index, lease.address, named.subnet.bits), formatAddress(lease.address));
    inside.send(linkUp(inner), inner);
    if (!named.internal && !plan.noRoute)
      inside.send(newDefaultRoute4(index, gatewayOf(named.subnet)), 'default route');
  } finally {
    closeDescriptor(namespace);
  }
}

/** Makes sockets of the holder's network namespace, which reach the containers. */
function socketsOf(holder: Stub): SocketsInside {
  return {
    connectTcp(host, port) {
      const socket = new Socket({ fd: openSocketIn(holder, 'tcp'), allowHalfOpen: true });
      return socket.connect({ host, port });
    },
    openUdp() {
      const socket = createSocket('udp4');
      socket.bind({ fd: openSocketIn(holder, 'udp') });
      return socket;
    },
  };
}

async function endStub({ stub, process }: StartedStub): Promise<void> {
  process.kill('SIGKILL');
  stub.close();
  await process.ended;
}

/**
 * Takes a place on an ordinary user's network: an address, names, ports. The network is made for its first container,
 * and ends with its last one, however that ends.
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, LIMIT_EXCEEDED, SYSTEM_CALL, an AbortError on `signal`
 */
export async function openUserBridge(plan: BridgePlan, tools: HostTools, context: NetworkContext): Promise<Connection> {
  const { id, directory, names, hosts, named, all } = plan;
  if (named === undefined) throw new TsimgError('HOST_UNSUPPORTED', 'only root may make the bridge');
  await using _ = await lockBridges(directory, context);
  makeDirectories(directory, 0o711);
  const { subnet } = named;
  let users: Lock | undefined;
  let lock: Lock | undefined;
  let started: StartedStub | undefined;
  const reserved = await reservePorts(plan.ports, context.lastPorts);
  try {
    users = await acquireLock(usersFile(directory), 'shared', context);
    const holder = findHolder(directory, named) ?? (await startHolder(directory, named, tools));
    const others = await sweepLeases(directory);
    const address = chooseAddress(
      subnet,
      others.map((lease) => lease.address),
    );
    const gateway = all && gatewayOf(subnet);
    const lease: Lease = { id, address, names, ports: reserved.ports, hosts, all, gateway };
    lock = await takeLease(directory, lease);
    writeHosts({ directory, subnet }, [...others, lease]);
    const inHolder = await stubIn(holder);
    started = inHolder;
    const forwarded = forwardPorts(reserved.held, formatAddress(address), socketsOf(inHolder.stub));
    const held = [users, lock];
    return {
      async attach(container) {
        connect(container, inHolder.stub, { plan, named, lease });
        return reserved.ports;
      },
      async [Symbol.asyncDispose]() {
        await using _again = await lockBridges(directory);
        forwarded[Symbol.dispose]();
        reserved[Symbol.dispose]();
        await endStub(inHolder);
        removeLease(directory, id);
        for (const each of held) await each.close();
        const left = await sweepLeases(directory);
        if (left.length > 0) writeHosts({ directory, subnet }, left);
        else await awaitHolderEnd(directory);
      },
    };
  } catch (error) {
    if (started !== undefined) await endStub(started);
    reserved[Symbol.dispose]();
    removeLease(directory, id);
    await lock?.close();
    await users?.close();
    if ((await sweepLeases(directory)).length === 0) await awaitHolderEnd(directory);
    throw error;
  }
}

/** Removes what killed launches left of an ordinary user's network; its processes have ended with the last of them. */
export async function sweepUserBridge(directory: string, { subnet }: NamedNetwork): Promise<void> {
  await using _ = await lockBridges(directory);
  if (!existsSync(directory)) return;
  const left = await sweepLeases(directory);
  if (left.length > 0) writeHosts({ directory, subnet }, left);
  else await awaitHolderEnd(directory);
}
