import { formatAddress, formatNetwork, type Network4 } from '../../linux/ipv4.ts';
import { isIpv6, type PublishedPort } from './publish.ts';

/** A bridge, as rules speak of it. Each has a table or chains of its own. */
export interface BridgeRules {
  /** The bridge's device. */
  readonly bridge: string;
  /** The end of the names of its table and chains; '' for the default one. */
  readonly suffix: string;
  /** Whether its containers reach nothing but each other and the host. */
  readonly internal: boolean;
}

/** The bridge of containers that name no other network. */
export const DEFAULT_RULES: BridgeRules = { bridge: 'tsimg0', suffix: '', internal: false };

/** Returns the name of a bridge's table of nftables. */
export const tableOf = ({ suffix }: BridgeRules) => (suffix === '' ? 'tsimg' : `tsimg_${suffix}`);
const chainOf = (name: string, { suffix }: BridgeRules) =>
  suffix === '' ? `TSIMG-${name}` : `TSIMG-${name}-${suffix}`;

/** A container on the bridge, with its published ports. */
export interface Forwarding {
  readonly address: number;
  readonly ports: readonly PublishedPort[];
}

/** Whether rules lead a port to its container. No rule leads from IPv6 to IPv4: tsimg itself passes such bytes on. */
function isRuled({ hostAddress }: PublishedPort): boolean {
  return !isIpv6(hostAddress);
}

/**
 * The whole of our nftables table, as one transaction that replaces the one before. Other tables are not touched.
 *
 * - Containers reach the outside under the host's address.
 * - A published port leads to its container from outside, from the host (127.0.0.1 included: the bridge accepts
 *   loopback addresses for that) and from other containers.
 * - Packets from the bridge with a foreign source, or for a loopback address of the host, are dropped: only the host
 *   reaches its loopback (CVE-2020-8558).
 */
export function formatNftables(
  subnet: Network4,
  containers: readonly Forwarding[],
  rules: BridgeRules = DEFAULT_RULES,
): string {
  const { bridge, internal } = rules;
  const net = formatNetwork(subnet);
  const published = containers.flatMap(({ address, ports }) =>
    ports.filter(isRuled).map(({ hostAddress, hostPort, containerPort, protocol }) => {
      const to = hostAddress === undefined ? '' : `ip daddr ${hostAddress} `;
      return `${to}${protocol} dport ${hostPort} dnat to ${formatAddress(address)}:${containerPort}`;
    }),
  );
  const lines = [
    `table ip ${tableOf(rules)} {`,
    '  chain ports {',
    ...published.map((rule) => `    ${rule}`),
    '  }',
    '  chain guard {',
    '    type filter hook prerouting priority -300; policy accept;',
    `    iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
    `    iifname "${bridge}" ip saddr != ${net} drop`,
    '  }',
    '  chain incoming {',
    '    type nat hook prerouting priority -100; policy accept;',
    '    fib daddr type local jump ports',
    '  }',
    '  chain local {',
    '    type nat hook output priority -100; policy accept;',
    '    fib daddr type local jump ports',
    '  }',
    '  chain outgoing {',
    '    type nat hook postrouting priority 100; policy accept;',
    ...(internal ? [] : [`    ip saddr ${net} oifname != "${bridge}" masquerade`]),
    `    ip saddr ${net} ip daddr ${net} ct status dnat masquerade`,
    `    ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`,
    '  }',
    '  chain forward {',
    '    type filter hook forward priority 0; policy accept;',
    ...(internal ? [`    iifname "${bridge}" oifname != "${bridge}" drop`] : []),
    `    oifname "${bridge}" ct state established,related accept`,
    `    oifname "${bridge}" ct status dnat accept`,
    `    oifname "${bridge}" iifname != "${bridge}" drop`,
    '  }',
    '}',
  ];
  return [...removeNftables(rules), ...lines, ''].join('\n');
}

/** Removes our table, whether it exists or not. */
export function removeNftables(rules: BridgeRules): readonly string[] {
  return [`table ip ${tableOf(rules)}`, `delete table ip ${tableOf(rules)}`];
}

type IptablesTable = 'raw' | 'mangle' | 'nat' | 'filter';

/** The rule in a built-in chain of iptables that leads to one of our chains. */
export interface IptablesJump {
  readonly table: IptablesTable;
  readonly from: string;
  readonly rule: readonly string[];
}

/** The same rules for iptables, on hosts without nft: the jumps to our chains… */
export function iptablesJumps(rules: BridgeRules): readonly IptablesJump[] {
  const local = ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', chainOf('PORTS', rules)];
  return [
    { table: 'raw', from: 'PREROUTING', rule: ['-i', rules.bridge, '-j', chainOf('GUARD', rules)] },
    { table: 'nat', from: 'PREROUTING', rule: local },
    { table: 'nat', from: 'OUTPUT', rule: local },
    { table: 'nat', from: 'POSTROUTING', rule: ['-j', chainOf('OUTGOING', rules)] },
    { table: 'mangle', from: 'FORWARD', rule: ['-j', chainOf('APART', rules)] },
    { table: 'filter', from: 'FORWARD', rule: ['-j', chainOf('FORWARD', rules)] },
  ];
}

/**
 * …and the content of our chains, for `iptables-restore --noflush`, which empties a chain that it declares. What is
 * dropped is dropped in `mangle`, which comes before `filter`, where another bridge's chain may accept it.
 */
export function formatIptables(
  subnet: Network4,
  containers: readonly Forwarding[],
  rules: BridgeRules = DEFAULT_RULES,
): string {
  const { bridge, internal } = rules;
  const [guard, ports, outgoing] = [chainOf('GUARD', rules), chainOf('PORTS', rules), chainOf('OUTGOING', rules)];
  const [apart, forward] = [chainOf('APART', rules), chainOf('FORWARD', rules)];
  const net = formatNetwork(subnet);
  const published = containers.flatMap(({ address, ports: each }) =>
    each.filter(isRuled).map(({ hostAddress, hostPort, containerPort, protocol }) => {
      const to = hostAddress === undefined ? '' : `-d ${hostAddress}/32 `;
      const target = `${formatAddress(address)}:${containerPort}`;
      return `-A ${ports} ${to}-p ${protocol} --dport ${hostPort} -j DNAT --to-destination ${target}`;
    }),
  );
  return [
    '*raw',
    `:${guard} - [0:0]`,
    `-A ${guard} -d 127.0.0.0/8 -j DROP`,
    `-A ${guard} ! -s ${net} -j DROP`,
    'COMMIT',
    '*nat',
    `:${ports} - [0:0]`,
    ...published,
    `:${outgoing} - [0:0]`,
    ...(internal ? [] : [`-A ${outgoing} -s ${net} ! -o ${bridge} -j MASQUERADE`]),
    `-A ${outgoing} -s ${net} -d ${net} -m conntrack --ctstate DNAT -j MASQUERADE`,
    `-A ${outgoing} -s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`,
    'COMMIT',
    '*mangle',
    `:${apart} - [0:0]`,
    ...(internal ? [`-A ${apart} -i ${bridge} ! -o ${bridge} -j DROP`] : []),
    `-A ${apart} -o ${bridge} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN`,
    `-A ${apart} -o ${bridge} -m conntrack --ctstate DNAT -j RETURN`,
    `-A ${apart} -o ${bridge} ! -i ${bridge} -j DROP`,
    'COMMIT',
    '*filter',
    `:${forward} - [0:0]`,
    `-A ${forward} -o ${bridge} -j ACCEPT`,
    `-A ${forward} -i ${bridge} -j ACCEPT`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Our chains, by table of iptables. */
export function iptablesChains(
  rules: BridgeRules,
): readonly { readonly table: IptablesTable; readonly chain: string }[] {
  return [
    { table: 'raw', chain: chainOf('GUARD', rules) },
    { table: 'nat', chain: chainOf('PORTS', rules) },
    { table: 'nat', chain: chainOf('OUTGOING', rules) },
    { table: 'mangle', chain: chainOf('APART', rules) },
    { table: 'filter', chain: chainOf('FORWARD', rules) },
  ];
}
