import type { NetworkPlan } from './network-plan.ts';
import { formatPorts, type WantedPort } from './publish.ts';

/** The address at which pasta forwards to a host's name server on a loopback address; podman's. */
export const PASTA_DNS = '169.254.1.1';

type PastaPlan = Extract<NetworkPlan, { kind: 'pasta' | 'slirp4netns' }>;

function portOption(flag: string, ports: readonly WantedPort[]): readonly string[] {
  if (ports.length === 0) return [flag, 'none'];
  return ports.flatMap((port) => {
    const address = port.hostAddress === undefined ? '' : `${port.hostAddress}/`;
    return [flag, `${address}${formatPorts(port)}:${port.containerPort}`];
  });
}

/**
 * The options of pasta: only published ports of the host, no ports of the container on the host, and no way to the
 * host's loopback unless it was requested. By default, pasta opens all of these.
 */
export function pastaOptions({ ports, hostLoopback }: PastaPlan): readonly string[] {
  return [
    '--config-net',
    '--quiet',
    ...(hostLoopback ? [] : ['--no-map-gw']),
    '--dns-forward',
    PASTA_DNS,
    ...portOption(
      '-t',
      ports.filter(({ protocol }) => protocol === 'tcp'),
    ),
    ...portOption(
      '-u',
      ports.filter(({ protocol }) => protocol === 'udp'),
    ),
    ...['-T', 'none', '-U', 'none'],
  ];
}
