import { TsimgError } from '../../errors.ts';
import { formatHosts, type HostsEntry, LOOPBACK_HOSTS } from '../../linux/hosts.ts';
import { parseAddress } from '../../linux/ipv4.ts';
import { formatResolvConf, isLoopback, parseResolvConf, type ResolvConf } from '../../linux/resolv-conf.ts';
import type { Step } from '../launch-plan.ts';
import type { NetworkPlan } from '../network/network-plan.ts';
import { PASTA_DNS } from '../network/pasta-options.ts';

/** The names that a container knows, as the options spell them. */
export interface NameRequest {
  /** `--dns`: name servers, in the place of the host's. */
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  /** `--add-host NAME:ADDRESS` */
  readonly addHosts?: readonly string[] | undefined;
}

/** docker's word for the host's address, as a container on a bridge reaches it. */
const HOST_GATEWAY = 'host-gateway';
const SLIRP_DNS = '10.0.2.3';
const SLIRP_GATEWAY = '10.0.2.2';

function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined || (/^[0-9a-fA-F:.]{2,45}$/.test(text) && text.includes(':'));
}

/**
 * Parses docker's `NAME=ADDRESS` or `NAME:ADDRESS`; semicolons separate several names, as with podman. @throws USAGE
 */
export function parseAddHost(text: string): HostsEntry {
  // An IPv6 address contains colons.
  const [, list = '', given = ''] = /^([^=]+)=(.*)$/.exec(text) ?? /^([^:]+):(.*)$/.exec(text) ?? [];
  const address = given.replace(/^\[(.*)\]$/, '$1');
  const names = list.split(';');
  const areNames = names.every((name) => /^[A-Za-z0-9_.-]{1,253}$/.test(name));
  if (areNames && (address === HOST_GATEWAY || isAddress(address))) return { address, names };
  throw new TsimgError('USAGE', 'not a host', {
    where: `--add-host ${text}`,
    hint: 'NAME:ADDRESS or NAME=ADDRESS; host-gateway is an ADDRESS, too',
  });
}

/** An option of which each value becomes a word of resolv.conf. */
interface DnsOption {
  readonly option: string;
  readonly isRight: (text: string) => boolean;
  readonly hint: string;
}

const DNS: DnsOption = { option: '--dns', isRight: isAddress, hint: 'the address of a name server' };
const DNS_SEARCH: DnsOption = {
  option: '--dns-search',
  isRight: (text) => /^[A-Za-z0-9_.-]{1,253}$/.test(text),
  hint: 'a domain, or . for none',
};
const DNS_OPTION: DnsOption = {
  option: '--dns-option',
  isRight: (text) => /^[a-z0-9:-]{1,64}$/.test(text),
  hint: 'such as ndots:2',
};

/** @throws USAGE */
function checkDns(text: string, { option, isRight, hint }: DnsOption): string {
  if (isRight(text)) return text;
  throw new TsimgError('USAGE', 'not for resolv.conf', { where: `${option} ${text}`, hint });
}

function wishedResolvConf({ dns = [], dnsSearch = [], dnsOptions = [] }: NameRequest): ResolvConf {
  return {
    nameservers: dns.map((text) => checkDns(text, DNS)),
    search: dnsSearch.map((text) => checkDns(text, DNS_SEARCH)),
    options: dnsOptions.map((text) => checkDns(text, DNS_OPTION)),
  };
}

/** The name servers that a container can reach. */
function serversOf(network: NetworkPlan, hosts: readonly string[]): readonly string[] {
  if (network.kind === 'slirp4netns') return [SLIRP_DNS];
  const reachable = hosts.filter((server) => !isLoopback(server));
  const forwards = network.kind === 'pasta' || (network.kind === 'bridge' && network.ordinary === true);
  return reachable.length > 0 || !forwards ? reachable : [PASTA_DNS];
}

/** Plans resolv.conf for a network other than the host's: the host's, without servers that only the host reaches. */
function planResolvConf(network: NetworkPlan, wishes: NameRequest, hostText: string): ResolvConf {
  const wished = wishedResolvConf(wishes);
  const host = parseResolvConf(hostText);
  return {
    nameservers: wished.nameservers.length > 0 ? wished.nameservers : serversOf(network, host.nameservers),
    search: wished.search.length > 0 ? wished.search.filter((each) => each !== '.') : host.search,
    options: wished.options.length > 0 ? wished.options : host.options,
  };
}

function gatewayFor(network: NetworkPlan): string | undefined {
  return network.kind === 'slirp4netns' && network.hostLoopback ? SLIRP_GATEWAY : undefined;
}

/**
 * Replaces `host-gateway` with the host's address in the container's network. @throws USAGE where the network has none
 */
function settleGateway(entries: readonly HostsEntry[], gateway: string | undefined): readonly HostsEntry[] {
  return entries.map(({ address, names }) => {
    if (address !== HOST_GATEWAY) return { address, names };
    if (gateway !== undefined) return { address: gateway, names };
    throw new TsimgError('USAGE', 'no host-gateway on this network', {
      where: `--add-host ${names[0]}:${address}`,
      hint: 'use --network bridge, or slirp4netns:allow_host_loopback=true',
    });
  });
}

/**
 * Formats the hosts file of a container on the bridge: its own names, those of `--add-host`, and the other containers.
 */
export function bridgeHosts(gateway: string, peers: readonly HostsEntry[], asked: readonly HostsEntry[]): string {
  return formatHosts([...LOOPBACK_HOSTS, ...settleGateway(asked, gateway), ...peers]);
}

/** The facts that the files of names depend on. */
export interface NamedContainer {
  readonly network: NetworkPlan;
  readonly hostname: string;
  readonly names: NameRequest;
  /** Text of the host's /etc/resolv.conf. */
  readonly hostResolvConf: string;
}

/** The files of names as steps, and warnings. */
export interface NetworkFiles {
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
}

/**
 * Plans the files by which programs find names. They are mounted over the image's, which stay unchanged. On the bridge,
 * the host keeps /etc/hosts up to date as containers come and go, and the container cannot change it. All other files
 * are copies of the container's own, which it can change.
 * @throws USAGE
 */
export function planNetworkFiles({ network, hostname, names, hostResolvConf }: NamedContainer): NetworkFiles {
  const asked = (names.addHosts ?? []).map(parseAddHost);
  const file = (target: string, content: Extract<Step, { do: 'file' }>['content']): Step => ({
    do: 'file',
    target,
    content,
  });
  const hostnameFile = file('/etc/hostname', { text: `${hostname}\n` });
  const wishesDns = [names.dns, names.dnsSearch, names.dnsOptions].some(
    (list) => list !== undefined && list.length > 0,
  );
  const resolvConf = planResolvConf(network, names, hostResolvConf);
  const resolvFile = file('/etc/resolv.conf', { text: formatResolvConf(resolvConf) });
  if (network.kind === 'host') {
    const append = formatHosts(settleGateway(asked, '127.0.0.1'));
    return {
      steps: [
        hostnameFile,
        file('/etc/hosts', { hostFile: '/etc/hosts', ...(append === '' ? {} : { append }) }),
        wishesDns ? resolvFile : file('/etc/resolv.conf', { hostFile: '/etc/resolv.conf' }),
      ],
      warnings: [],
    };
  }
  if (network.kind === 'bridge') {
    // In the namespace that a user's network is in, the bridge's address is not the host's.
    if (network.ordinary) settleGateway(asked, undefined);
    const without = resolvConf.nameservers.length === 0;
    return {
      steps: [hostnameFile, file('/etc/hosts', { shared: `${network.directory}/${network.id}.hosts` }), resolvFile],
      warnings: without ? ['the host’s name server cannot be reached from the bridge: name one with --dns'] : [],
    };
  }
  const [loopback, ...rest] = LOOPBACK_HOSTS;
  const own = { address: '127.0.0.1', names: [...(loopback?.names ?? []), hostname] };
  const hosts = formatHosts([own, ...rest, ...settleGateway(asked, gatewayFor(network))]);
  return {
    steps: [
      hostnameFile,
      file('/etc/hosts', { text: hosts }),
      ...(network.kind === 'none' && !wishesDns ? [] : [resolvFile]),
    ],
    warnings: [],
  };
}
