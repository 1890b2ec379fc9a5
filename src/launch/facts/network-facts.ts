/** What a plan of a container's network knows of the host. */
export interface NetworkFacts {
  /**
   * Names the network namespace that the caller is in: bridges of different ones have nothing to do with each other.
   */
  readonly namespace: string;
  /** Where the files of running containers are kept. */
  readonly runtimeDirectory: string;
  /** The host's /etc/resolv.conf, or that of its name server where the file points to one on a loopback address. */
  readonly resolvConf: string;
  /** Whether /dev/net/tun can be opened, which pasta and slirp4netns need. */
  readonly canOpenTun: boolean;
  /** The first port that who is not root may listen on: net.ipv4.ip_unprivileged_port_start. 1024 when absent. */
  readonly unprivilegedPort?: number | undefined;
}

/** A host of which nothing is known. */
export const NO_NETWORK_FACTS: NetworkFacts = {
  namespace: '0',
  runtimeDirectory: '/run/tsimg',
  resolvConf: '',
  canOpenTun: false,
};
