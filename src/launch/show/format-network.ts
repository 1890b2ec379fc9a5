import { BRIDGE } from '../network/firewall.ts';
import { INSIDE, type NetworkPlan, outside } from '../network/network-plan.ts';
import { pastaOptions } from '../network/pasta-options.ts';
import type { PublishedPort } from '../network/publish.ts';
import { quote } from './format-step.ts';

function publishRule({ hostAddress, hostPort, containerPort, protocol }: PublishedPort): string {
  const to = hostAddress === undefined ? '' : `ip daddr ${hostAddress} `;
  return `nft add rule ip tsimg ports ${to}${protocol} dport ${hostPort} dnat to ADDRESS:${containerPort}`;
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
    case 'bridge': {
      const inside = 'nsenter --net=/proc/PID/ns/net ip';
      return [
        `ip link add ${outside(plan.id)} type veth peer name ${INSIDE} netns PID`,
        `ip link set ${outside(plan.id)} master ${BRIDGE} up`,
        `${inside} address add ADDRESS dev ${INSIDE}`,
        `${inside} link set ${INSIDE} up`,
        `${inside} route add default via GATEWAY`,
        `nft add rule ip tsimg outgoing ip saddr NETWORK oifname != ${BRIDGE} masquerade`,
        ...plan.ports.map(publishRule),
      ];
    }
  }
}
