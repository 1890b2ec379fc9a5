import { formatAddress, formatNetwork, type Network4 } from '../../linux/ipv4.ts';
import type { PublishedPort } from './publish.ts';

/** The name of the bridge. */
export const BRIDGE = 'tsimg0';
const TABLE = 'tsimg';

/** A container on the bridge, with its published ports. */
export interface Forwarding {
  readonly address: number;
  readonly ports: readonly PublishedPort[];
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
export function formatNftables(subnet: Network4, containers: readonly Forwarding[]): string {
  const net = formatNetwork(subnet);
  const rules = containers.flatMap(({ address, ports }) =>
    ports.map(({ hostAddress, hostPort, containerPort, protocol }) => {
      const to = hostAddress === undefined ? '' : `ip daddr ${hostAddress} `;
      return `${to}${protocol} dport ${hostPort} dnat to ${formatAddress(address)}:${containerPort}`;
    }),
  );
  const lines = [
    `table ip ${TABLE} {`,
    '  chain ports {',
    ...rules.map((rule) => `    ${rule}`),
    '  }',
    '  chain guard {',
    '    type filter hook prerouting priority -300; policy accept;',
    `    iifname "${BRIDGE}" ip daddr 127.0.0.0/8 drop`,
    `    iifname "${BRIDGE}" ip saddr != ${net} drop`,
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
    `    ip saddr ${net} oifname != "${BRIDGE}" masquerade`,
    `    ip saddr ${net} ip daddr ${net} ct status dnat masquerade`,
    `    ip saddr 127.0.0.0/8 oifname "${BRIDGE}" masquerade`,
    '  }',
    '  chain forward {',
    '    type filter hook forward priority 0; policy accept;',
    `    oifname "${BRIDGE}" ct state established,related accept`,
    `    oifname "${BRIDGE}" ct status dnat accept`,
    `    oifname "${BRIDGE}" iifname != "${BRIDGE}" drop`,
    '  }',
    '}',
  ];
  return [...removeNftables(), ...lines, ''].join('\n');
}

/** Removes our table, whether it exists or not. */
export function removeNftables(): readonly string[] {
  return [`table ip ${TABLE}`, `delete table ip ${TABLE}`];
}

/** The rule in a built-in chain of iptables that leads to one of our chains. */
export interface IptablesJump {
  readonly table: 'nat' | 'filter' | 'raw';
  readonly from: string;
  readonly rule: readonly string[];
}

/** The same rules for iptables, on hosts without nft: the jumps to our chains… */
export const IPTABLES_JUMPS: readonly IptablesJump[] = [
  { table: 'raw', from: 'PREROUTING', rule: ['-i', BRIDGE, '-j', 'TSIMG-GUARD'] },
  { table: 'nat', from: 'PREROUTING', rule: ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'TSIMG-PORTS'] },
  { table: 'nat', from: 'OUTPUT', rule: ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'TSIMG-PORTS'] },
  { table: 'nat', from: 'POSTROUTING', rule: ['-j', 'TSIMG-OUTGOING'] },
  { table: 'filter', from: 'FORWARD', rule: ['-j', 'TSIMG-FORWARD'] },
];

/** …and the content of our chains, for `iptables-restore --noflush`, which empties a chain that it declares. */
export function formatIptables(subnet: Network4, containers: readonly Forwarding[]): string {
  const net = formatNetwork(subnet);
  const ports = containers.flatMap(({ address, ports: published }) =>
    published.map(({ hostAddress, hostPort, containerPort, protocol }) => {
      const to = hostAddress === undefined ? '' : `-d ${hostAddress}/32 `;
      const target = `${formatAddress(address)}:${containerPort}`;
      return `-A TSIMG-PORTS ${to}-p ${protocol} --dport ${hostPort} -j DNAT --to-destination ${target}`;
    }),
  );
  return [
    '*raw',
    ':TSIMG-GUARD - [0:0]',
    '-A TSIMG-GUARD -d 127.0.0.0/8 -j DROP',
    `-A TSIMG-GUARD ! -s ${net} -j DROP`,
    'COMMIT',
    '*nat',
    ':TSIMG-PORTS - [0:0]',
    ...ports,
    ':TSIMG-OUTGOING - [0:0]',
    `-A TSIMG-OUTGOING -s ${net} ! -o ${BRIDGE} -j MASQUERADE`,
    `-A TSIMG-OUTGOING -s ${net} -d ${net} -m conntrack --ctstate DNAT -j MASQUERADE`,
    `-A TSIMG-OUTGOING -s 127.0.0.0/8 -o ${BRIDGE} -j MASQUERADE`,
    'COMMIT',
    '*filter',
    ':TSIMG-FORWARD - [0:0]',
    `-A TSIMG-FORWARD -o ${BRIDGE} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    `-A TSIMG-FORWARD -o ${BRIDGE} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-A TSIMG-FORWARD -i ${BRIDGE} -j ACCEPT`,
    `-A TSIMG-FORWARD -o ${BRIDGE} -j DROP`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Our chains, by table of iptables. */
export const IPTABLES_CHAINS: readonly { readonly table: IptablesJump['table']; readonly chain: string }[] = [
  { table: 'raw', chain: 'TSIMG-GUARD' },
  { table: 'nat', chain: 'TSIMG-PORTS' },
  { table: 'nat', chain: 'TSIMG-OUTGOING' },
  { table: 'filter', chain: 'TSIMG-FORWARD' },
];
