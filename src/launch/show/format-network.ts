import { tableOf } from '../network/firewall.ts';
import { rulesOf } from '../network/named-network.ts';
import { type BridgePlan, INSIDE, insideOf, type NetworkPlan, outside } from '../network/network-plan.ts';
import { pastaOptions } from '../network/pasta-options.ts';
import { formatHostPort, formatPorts, isIpv6, type WantedPort } from '../network/publish.ts';
import { bridgesOf } from '../network/several-networks.ts';
import { quote } from './format-step.ts';

/** Port 0 and a range stand for a free port, chosen at the start. */
function publishRule(port: WantedPort, table: string, isPassedOn: boolean): string {
  const { hostAddress, containerPort, protocol } = port;
  if (isPassedOn || isIpv6(hostAddress))
    return `# ${formatHostPort(port)}/${protocol}: tsimg passes bytes on to ADDRESS:${containerPort}`;
  const to = hostAddress === undefined ? '' : `ip daddr ${hostAddress} `;
  return `nft add rule ip ${table} ports ${to}${protocol} dport ${formatPorts(port)} dnat to ADDRESS:${containerPort}`;
}

/** The process that holds an ordinary user's network, and its way out. */
function formatHolder({ named, ordinary }: BridgePlan, bridge: string): readonly string[] {
  if (!ordinary) return [];
  const pasta = pastaOptions({ kind: 'pasta', ports: [], hostLoopback: false }).map(quote).join(' ');
  return [
    'unshare --user --map-root-user --net sleep 2147483647 &',
    `nsenter --user --net --target HOLDER ip link add ${bridge} type bridge`,
    ...(named?.internal ? [] : [`pasta ${pasta} HOLDER`]),
  ];
}

function formatBridge(plan: BridgePlan): readonly string[] {
  const { named, ordinary, ports } = plan;
  const [device, own] = [outside(plan), insideOf(plan)];
  const rules = rulesOf(named);
  const { bridge, internal } = rules;
  const table = tableOf(rules);
  const inside = 'nsenter --net=/proc/PID/ns/net ip';
  return [
    ...formatHolder(plan, bridge),
    `ip link add ${device} type veth peer name ${own} netns PID`,
    `ip link set ${device} master ${bridge} up`,
    `${inside} address add ADDRESS dev ${own}`,
    `${inside} link set ${own} up`,
    ...(internal
      ? []
      : [
          ...(plan.noRoute ? [] : [`${inside} route add default via GATEWAY`]),
          `nft add rule ip ${table} outgoing ip saddr NETWORK oifname != ${bridge} masquerade`,
        ]),
    ...ports.map((port) => publishRule(port, table, ordinary ?? false)),
  ];
}

/**
 * Formats the network of a container as equivalent commands. PID is its first process; ADDRESS and GATEWAY are free
 * addresses of the bridge's network, chosen at the start.
 */
export function formatNetwork(plan: NetworkPlan): readonly string[] {
  switch (plan.kind) {
    case 'none':
    case 'host':
      return [];
    case 'join':
      return [`nsenter --net=${quote(plan.path)}`];
    case 'pasta':
      return [`pasta ${pastaOptions(plan).map(quote).join(' ')} PID`];
    case 'slirp4netns':
      return [
        `slirp4netns --configure --mtu=65520${plan.hostLoopback ? '' : ' --disable-host-loopback'} PID ${INSIDE}`,
      ];
    case 'bridge':
      return bridgesOf(plan).flatMap(formatBridge);
  }
}
