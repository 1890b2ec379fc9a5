/** The facts about the host's network that planners use. */
export interface NetworkFacts {
  /** The name of the caller's network namespace: each namespace has its own bridge. */
  readonly namespace: string;
  /** The directory for files of running containers. */
  readonly runtimeDirectory: string;
  /**
   * The text of the host's /etc/resolv.conf, or of the resolver's own file where /etc/resolv.conf names a loopback
   * address.
   */
  readonly resolvConf: string;
  /** Whether the caller can open /dev/net/tun, which pasta and slirp4netns need. */
  readonly canOpenTun: boolean;
  /** The first port that ordinary users may listen on: net.ipv4.ip_unprivileged_port_start. Default 1024. */
  readonly unprivilegedPort?: number | undefined;
}
