import { TsimgError } from '../../errors.ts';
import type { HostsEntry } from '../../linux/hosts.ts';
import type { Refusal } from '../facts/host-conditions.ts';
import type { HostFacts, HostTools } from '../facts/host-facts.ts';
import type { NetworkFacts } from '../facts/network-facts.ts';
import { isNetworkName, type NamedNetwork } from './named-network.ts';
import { formatHostPort, isIpv6, type PortRequest, type WantedPort, wantedPorts } from './publish.ts';

/** The network in a request. */
export interface NetworkRequest extends PortRequest {
  /**
   * In the spelling of `--network`: none, host, bridge, pasta[:--map-gw], slirp4netns[:allow_host_loopback=true],
   * container:NAME or ns:PATH.
   */
  readonly network: string;
}

/** An address on the bridge of this host's containers, or on that of a network. */
export interface BridgePlan {
  readonly kind: 'bridge';
  readonly id: string;
  /** Names by which other containers find it. */
  readonly names: readonly string[];
  readonly ports: readonly WantedPort[];
  /** Entries of `--add-host` for its hosts file. */
  readonly hosts: readonly HostsEntry[];
  /** The directory of the bridge's state, one for each network namespace of callers. */
  readonly directory: string;
  /** The network that it is, where a user made it; absent for the default bridge. */
  readonly named?: NamedNetwork | undefined;
  /**
   * Whether it is an ordinary user's: in a network namespace that a process of the user holds, with pasta as the way
   * out.
   */
  readonly ordinary?: true;
  /** Of several networks of a container: the number of its device on this one, from 0. */
  readonly device?: number;
  /** Of several networks of a container: the directories of all, that of the first one, with its hosts file, first. */
  readonly all?: readonly string[];
  /** Whether another network of the container has its default route. */
  readonly noRoute?: true;
  /** On the first one of several networks of a container: the others. */
  readonly further?: readonly BridgePlan[] | undefined;
}

/** The network of a container. */
export type NetworkPlan =
  /** A namespace of its own, with the loopback device alone. */
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  /** An existing namespace: another container's, or one by its path. */
  | {
      readonly kind: 'join';
      readonly path: string;
      readonly userNamespace?: string | undefined;
      /** The process whose namespace it is; its number alone may become another process's. */
      readonly process?: JoinedProcess | undefined;
    }
  | BridgePlan
  /** A process beside it, which makes connections in its place. */
  | {
      readonly kind: 'pasta' | 'slirp4netns';
      readonly ports: readonly WantedPort[];
      /** Whether the gateway's address leads to the host's loopback. */
      readonly hostLoopback: boolean;
    };

/** The identity of a process: its number alone is reused, the three together never are. */
export interface JoinedProcess {
  readonly pid: number;
  /** Clock ticks since the boot. proc_pid_stat(5), field 22. */
  readonly startTime: string;
  readonly bootId: string;
}

/** The planner's further input. */
export interface NetworkSurroundings {
  readonly id: string;
  readonly names: readonly string[];
  readonly hosts: readonly HostsEntry[];
  /** For `container:NAME`: the first process of that container, as the host numbers it. */
  readonly joined?: JoinedProcess | undefined;
  /** The network that the request names, where a user made it. */
  readonly named?: NamedNetwork | undefined;
  /** The ports that the image exposes: `80/tcp`. */
  readonly exposed: readonly string[];
}

function usage(why: string, where: string, hint?: string): TsimgError {
  return new TsimgError('USAGE', 'not a network', { where: `--network ${where}`, why, hint });
}

function unsupported(where: string, why: string, hint: string): TsimgError {
  return new TsimgError('HOST_UNSUPPORTED', 'the network is not available on this host', {
    where: `--network ${where}`,
    why,
    hint,
  });
}

/** Returns the directory of a bridge's state in the caller's network namespace. */
export function bridgeDirectory({ runtimeDirectory, namespace }: NetworkFacts, named?: NamedNetwork): string {
  return `${runtimeDirectory}/network/${namespace}${named === undefined ? '' : `.${named.id.slice(0, 12)}`}`;
}

/** The container's end of the veth pair on the bridge. */
export const INSIDE = 'eth0';

/** The container's end of the veth pair on one of its networks. */
export const insideOf = ({ device = 0 }: Pick<BridgePlan, 'device'>) => `eth${device}`;

/** The host's end of the veth pair: a device name has at most 15 bytes. */
export const outside = ({ id, device = 0 }: Pick<BridgePlan, 'id' | 'device'>) =>
  `tsimg-${id.slice(0, 8)}${device === 0 ? '' : device.toString(36)}`;

const KINDS = 'none, host, bridge, pasta, slirp4netns, container:NAME, ns:PATH or the name of a network';

/** What a host lacks for bridges, and the remedy; undefined where it lacks nothing. */
export function bridgeLack(tools: HostTools): Refusal | undefined {
  const { ip, nsenter, nft, iptables, iptablesRestore } = tools;
  if (ip === undefined) return { cause: 'there is no ip', remedy: 'install it (Debian package iproute2)' };
  if (nsenter === undefined) return { cause: 'there is no nsenter', remedy: 'install it (Debian package util-linux)' };
  if (nft !== undefined || (iptables !== undefined && iptablesRestore !== undefined)) return undefined;
  return { cause: 'there is neither nft, nor iptables with iptables-restore', remedy: 'install nftables' };
}

function planBridge(facts: HostFacts, ports: readonly WantedPort[], around: NetworkSurroundings): NetworkPlan {
  const { tools, canMount, network } = facts;
  if (!canMount) {
    throw unsupported(
      'bridge',
      'only root may make one',
      'use --network pasta, a network of tsimg network create, or run it as root',
    );
  }
  const lack = bridgeLack(tools);
  if (lack !== undefined) throw unsupported('bridge', lack.cause, `${lack.remedy}, or use --network none or host`);
  return {
    kind: 'bridge',
    id: around.id,
    names: around.names,
    ports,
    hosts: around.hosts,
    directory: bridgeDirectory(network, around.named),
    ...(around.named === undefined ? {} : { named: around.named }),
  };
}

/**
 * An ordinary user's network. The rules in its namespace are made by nft: iptables has a lock that only root can open.
 * @throws HOST_UNSUPPORTED
 */
function planUserNetwork(
  facts: HostFacts,
  ports: readonly WantedPort[],
  { id, names, hosts, named }: NetworkSurroundings & { readonly named: NamedNetwork },
): NetworkPlan {
  const { tools, network } = facts;
  const needed = ['ip', 'unshare', 'flock', ...(named.internal ? [] : (['nft', 'pasta'] as const))] as const;
  const missing = needed.find((name) => tools[name] === undefined);
  if (missing !== undefined) {
    const packages = { ip: 'iproute2', unshare: 'util-linux', flock: 'util-linux', nft: 'nftables', pasta: 'passt' };
    const hint = `install it (Debian package ${packages[missing]}), or use another network`;
    throw unsupported(named.name, `there is no ${missing}`, hint);
  }
  if (!named.internal && !network.canOpenTun) {
    const hint = 'ask root for: chmod 666 /dev/net/tun (udev’s own default), or create the network with --internal';
    throw unsupported(named.name, '/dev/net/tun cannot be opened', hint);
  }
  checkPorts(ports, facts);
  return { kind: 'bridge', id, names, ports, hosts, directory: bridgeDirectory(network, named), named, ordinary: true };
}

/** Ordinary users may not publish low ports: the listening process has their rights. @throws HOST_UNSUPPORTED */
function checkPorts(ports: readonly WantedPort[], { uid, network }: HostFacts): void {
  const first = network.unprivilegedPort ?? 1024;
  const low = ports.find(({ hostPort }) => hostPort > 0 && hostPort < first);
  if (uid === 0 || low === undefined) return;
  throw new TsimgError('HOST_UNSUPPORTED', 'the port cannot be published', {
    where: `-p ${low.hostPort}:${low.containerPort}`,
    why: `ordinary users may listen on ports from ${first} on (net.ipv4.ip_unprivileged_port_start)`,
    hint: `choose a higher port, or have root run: sysctl net.ipv4.ip_unprivileged_port_start=${low.hostPort}`,
  });
}

/** `--network pasta` or slirp4netns; `option` is the text behind the colon. */
interface UserModeRequest {
  readonly kind: 'pasta' | 'slirp4netns';
  readonly option: string;
  readonly ports: readonly WantedPort[];
}

function planUserMode({ kind, option, ports }: UserModeRequest, facts: HostFacts): NetworkPlan {
  const { tools, canMount, network } = facts;
  const known = kind === 'pasta' ? '--map-gw' : 'allow_host_loopback=true';
  if (option !== '' && option !== known) throw usage(`${kind} knows the option ${known} only`, `${kind}:${option}`);
  if (canMount) throw unsupported(kind, 'it is for ordinary users', 'use --network bridge');
  if (tools[kind] === undefined) {
    const name = kind === 'pasta' ? 'passt' : kind;
    throw unsupported(kind, `${kind} is not installed`, `install it (Debian package ${name}), or use --network none`);
  }
  if (!network.canOpenTun) {
    const hint = 'ask root for: chmod 666 /dev/net/tun (udev’s own default), or use --network none';
    throw unsupported(kind, '/dev/net/tun cannot be opened', hint);
  }
  checkPorts(ports, facts);
  const sixth = ports.find(({ hostAddress }) => isIpv6(hostAddress));
  if (kind === 'slirp4netns' && sixth !== undefined) {
    const hint = 'use --network pasta, or an address of IPv4';
    throw unsupported(kind, `it publishes no ports at addresses of IPv6 (${formatHostPort(sixth)})`, hint);
  }
  return { kind, ports, hostLoopback: option !== '' };
}

function planJoin(text: string, facts: HostFacts, around: NetworkSurroundings): NetworkPlan {
  if (text.startsWith('ns:')) {
    const path = text.slice('ns:'.length);
    if (!path.startsWith('/') || path.includes('\0')) throw usage('the path must be absolute', text);
    return { kind: 'join', path };
  }
  const { joined } = around;
  if (joined === undefined) throw usage('no running container has this name', text);
  const own = `/proc/${joined.pid}/ns`;
  // A user's container has a user namespace, and its network namespace can be joined only from there.
  const userNamespace = facts.canMount ? {} : { userNamespace: `${own}/user` };
  return { kind: 'join', path: `${own}/net`, ...userNamespace, process: joined };
}

/**
 * Plans the network of a container. The requested network is granted or refused, never replaced.
 * @throws USAGE; HOST_UNSUPPORTED, with cause and remedy
 */
export function planNetwork(request: NetworkRequest, facts: HostFacts, around: NetworkSurroundings): NetworkPlan {
  const text = request.network;
  const ports = wantedPorts(request, around.exposed);
  const [kind = '', ...rest] = text.split(':');
  const option = rest.join(':');
  const isNamed = isNetworkName(text) && around.named !== undefined;
  if (isNamed && around.named.internal && ports.length > 0) {
    throw new TsimgError('USAGE', 'ports cannot be published', {
      where: `--network ${text}`,
      why: 'it is internal: only its own containers reach each other',
      hint: 'leave out -p and -P, or create the network without --internal',
    });
  }
  if (isNamed && !facts.canMount) return planUserNetwork(facts, ports, { ...around, named: around.named });
  if (isNamed || (kind === 'bridge' && option === '')) return planBridge(facts, ports, around);
  if (kind === 'pasta' || kind === 'slirp4netns') return planUserMode({ kind, option, ports }, facts);
  if (ports.length > 0) {
    throw new TsimgError('USAGE', 'ports cannot be published', {
      where: `--network ${text}`,
      why: 'it cannot be reached from the host, or is the host’s own',
      hint: 'use --network bridge (as root) or pasta',
    });
  }
  if (text === 'none' || text === 'host') return { kind: text };
  if (option !== '' && (kind === 'ns' || kind === 'container')) return planJoin(text, facts, around);
  throw usage(`it must be ${KINDS}`, text);
}

/** The network of a container whose request names none. */
export interface DefaultNetwork {
  /** In the spelling of `--network`. */
  readonly network: string;
  readonly warning?: string | undefined;
}

/**
 * Chooses the default network: the bridge for root; pasta or slirp4netns for other users, who get no network, and a
 * warning, where neither is installed or /dev/net/tun cannot be opened. For root, `planNetwork` refuses a bridge that
 * the host cannot make: a container is never less isolated than requested.
 */
export function defaultNetwork({ canMount, tools, network }: HostFacts): DefaultNetwork {
  if (canMount) return { network: 'bridge' };
  if (tools.pasta === undefined && tools.slirp4netns === undefined) {
    const hint = 'install passt, or say --network none';
    return { network: 'none', warning: `no network: there is neither pasta nor slirp4netns; ${hint}` };
  }
  if (!network.canOpenTun) {
    const hint = 'ask root for chmod 666 /dev/net/tun, or say --network none';
    return { network: 'none', warning: `no network: /dev/net/tun cannot be opened; ${hint}` };
  }
  return { network: tools.pasta === undefined ? 'slirp4netns' : 'pasta' };
}
