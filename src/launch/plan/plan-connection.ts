import { TsimgError } from '../../errors.ts';
import type { IdMap, Step } from '../launch-plan.ts';
import { type DefaultNetwork, defaultNetwork, type NetworkPlan, planNetwork } from '../network/network-plan.ts';
import { planFurther } from '../network/several-networks.ts';
import { type NetworkFiles, parseAddHost, planNetworkFiles } from './network-files.ts';
import type { RunRequest, RunSurroundings } from './run-request.ts';

/** The name of a container and its way to others. */
export interface Connection {
  readonly hostname: string;
  readonly network: NetworkPlan;
  /** Whether the container gets a new network namespace. */
  readonly isNew: boolean;
  readonly files: NetworkFiles;
  /** A warning where the container gets no network because the host lacks a program. */
  readonly warnings: readonly string[];
}

/** DNS allows no underscore; docker, podman and many compose files use it all the same. */
const HOSTNAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Kernel limit: 64 bytes. @throws USAGE */
function checkHostname(name: string): string {
  if (name.length <= 64 && HOSTNAME.test(name)) return name;
  throw new TsimgError('USAGE', 'not a host name', {
    where: name,
    hint: 'letters, digits, underscores, hyphens and dots, at most 64 of them, and no hyphen or dot first',
  });
}

function planHostname({ uts, hostname }: RunRequest, host: string, { isHost, id }: { isHost: boolean; id: string }) {
  if (uts === 'host') return host;
  return checkHostname(hostname ?? (isHost ? host : id.slice(0, 12)));
}

/**
 * Plans host name, network and files of names of a container.
 * @param exposed the ports that the image exposes
 * @throws USAGE, HOST_UNSUPPORTED
 */
export function planConnection(request: RunRequest, around: RunSurroundings, exposed: readonly string[]): Connection {
  const { networkAliases = [], names = {} } = request;
  const { facts, id, name, joined, named, further = [] } = around;
  const asked: DefaultNetwork = request.network === undefined ? defaultNetwork(facts) : { network: request.network };
  const hostname = planHostname(request, facts.hostname, { isHost: asked.network === 'host', id });
  const allNames = [hostname, ...networkAliases.map(checkHostname), ...(name === undefined ? [] : [name])];
  const surroundings = {
    id,
    names: [...new Set(allNames)],
    hosts: (names.addHosts ?? []).map(parseAddHost),
    joined,
    named,
    exposed,
  };
  const first = planNetwork({ ...request, network: asked.network }, facts, surroundings);
  const network = planFurther(first, further, facts, surroundings);
  return {
    hostname,
    network,
    isNew: network.kind !== 'host' && network.kind !== 'join',
    files: planNetworkFiles({ network, hostname, names, hostResolvConf: facts.network.resolvConf }),
    warnings: asked.warning === undefined ? [] : [asked.warning],
  };
}

/**
 * Settings of each new network namespace, docker's: lo is up, ping needs no capability, low ports are open to every
 * user.
 */
export function planNetworkSettings(idMap: IdMap | undefined): readonly Step[] {
  const extents = idMap?.gids ?? [{ inside: 0, count: 2 ** 31 }];
  const last = Math.max(...extents.map(({ inside, count }) => inside + count - 1));
  return [
    { do: 'raise-loopback' },
    { do: 'sysctl', name: 'net/ipv4/ping_group_range', value: `0 ${last}` },
    { do: 'sysctl', name: 'net/ipv4/ip_unprivileged_port_start', value: '0' },
  ];
}
