import { TsimgError } from '../../errors.ts';
import type { HostsEntry } from '../../linux/hosts.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { NetworkFacts } from '../facts/network-facts.ts';
import { type PublishedPort, parsePublish } from './publish.ts';

/** The network in a request. */
export interface NetworkRequest {
  /**
   * In the spelling of `--network`: none, host, bridge, pasta[:--map-gw], slirp4netns[:allow_host_loopback=true],
   * container:NAME or ns:PATH.
   */
  readonly network: string;
  /** `-p` */
  readonly publish?: readonly string[] | undefined;
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
  /** An address on the bridge of this host's containers. */
  | {
      readonly kind: 'bridge';
      readonly id: string;
      /** Names by which other containers find it. */
      readonly names: readonly string[];
      readonly ports: readonly PublishedPort[];
      /** Entries of `--add-host` for its hosts file. */
      readonly hosts: readonly HostsEntry[];
      /** The directory of the bridge's state, one for each network namespace of callers. */
      readonly directory: string;
    }
  /** A process beside it, which makes connections in its place. */
  | {
      readonly kind: 'pasta' | 'slirp4netns';
      readonly ports: readonly PublishedPort[];
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

/** Returns the directory of the bridge's state in the caller's network namespace. */
export function bridgeDirectory({ runtimeDirectory, namespace }: NetworkFacts): string {
  return `${runtimeDirectory}/network/${namespace}`;
}

/** The container's end of the veth pair on the bridge. */
export const INSIDE = 'eth0';

/** The host's end of the veth pair: a device name has at most 15 bytes. @param id of the container */
export const outside = (id: string) => `tsimg-${id.slice(0, 8)}`;

const KINDS = 'none, host, bridge, pasta, slirp4netns, container:NAME or ns:PATH';

function planBridge(facts: HostFacts, ports: readonly PublishedPort[], around: NetworkSurroundings): NetworkPlan {
  const { tools, canMount, network } = facts;
  if (!canMount) {
    throw unsupported('bridge', 'only root may make one', 'use --network pasta, or run it as root');
  }
  if (tools.ip === undefined || tools.nsenter === undefined) {
    const name = tools.ip === undefined ? 'ip' : 'nsenter';
    const hint = `install it (Debian package ${name === 'ip' ? 'iproute2' : 'util-linux'}), or use --network none`;
    throw unsupported('bridge', `there is no ${name}`, hint);
  }
  if (tools.nft === undefined && (tools.iptables === undefined || tools.iptablesRestore === undefined)) {
    throw unsupported('bridge', 'there is neither nft nor iptables', 'install nftables, or use --network none or host');
  }
  return {
    kind: 'bridge',
    id: around.id,
    names: around.names,
    ports,
    hosts: around.hosts,
    directory: bridgeDirectory(network),
  };
}

/** Ordinary users may not publish low ports: the listening process has their rights. @throws HOST_UNSUPPORTED */
function checkPorts(ports: readonly PublishedPort[], { uid, network }: HostFacts): void {
  const first = network.unprivilegedPort ?? 1024;
  const low = ports.find(({ hostPort }) => hostPort < first);
  if (uid === 0 || low === undefined) return;
  throw new TsimgError('HOST_UNSUPPORTED', 'the port cannot be published', {
    where: `-p ${low.hostPort}:${low.containerPort}`,
    why: `ordinary users may listen on ports from ${first} on (net.ipv4.ip_unprivileged_port_start)`,
    hint: `choose a higher port, or have root run: sysctl net.ipv4.ip_unprivileged_port_start=${low.hostPort}`,
  });
}

/** `--network pasta` or slirp4netns; `option` is what stands behind the colon. */
interface UserModeRequest {
  readonly kind: 'pasta' | 'slirp4netns';
  readonly option: string;
  readonly ports: readonly PublishedPort[];
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
  return { kind, ports, hostLoopback: option !== '' };
}

function planJoin(text: string, facts: HostFacts, around: NetworkSurroundings): NetworkPlan {
  if (facts.tools.nsenter === undefined) {
    throw unsupported(text, 'there is no nsenter', 'install it (Debian package util-linux)');
  }
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
  const ports = (request.publish ?? []).flatMap(parsePublish);
  const [kind = '', ...rest] = text.split(':');
  const option = rest.join(':');
  if (kind === 'bridge' && option === '') return planBridge(facts, ports, around);
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
 * warning, where neither is installed. For root, `planNetwork` refuses a bridge that the host cannot make: a container
 * is never less isolated than requested.
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
