import type { HostFacts } from '../facts/host-facts.ts';

/** The network of a container for which none was asked. */
export interface DefaultNetwork {
  /** As `--network` spells it. */
  readonly network: string;
  readonly warning?: string | undefined;
}

/**
 * The bridge for root; for ordinary users pasta, or slirp4netns. A user who has neither gets a container without a network,
 * and is told so; root without what a bridge takes is refused by `planNetwork`: nothing is less isolated than was asked for.
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
