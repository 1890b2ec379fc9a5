import type { Capability } from '../../linux/capabilities.ts';
import type { IdRange } from '../../linux/ids.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import type { NetworkFacts } from './network-facts.ts';

/** Programs of the host that a launch may use, by absolute path; absent where the host has none. */
export interface HostTools {
  readonly sh?: string | undefined;
  readonly rm?: string | undefined;
  readonly newuidmap?: string | undefined;
  readonly newgidmap?: string | undefined;
  /** A static init, looked for only where `--init` asks for one. */
  readonly init?: string | undefined;
  readonly nsenter?: string | undefined;
  readonly ip?: string | undefined;
  readonly nft?: string | undefined;
  readonly iptables?: string | undefined;
  readonly iptablesRestore?: string | undefined;
  readonly pasta?: string | undefined;
  readonly slirp4netns?: string | undefined;
}

/**
 * What the host is and what the caller may do on it: found by host/facts/probe, and all that a plan knows of the world.
 */
export interface HostFacts {
  /** The caller's effective IDs. */
  readonly uid: number;
  readonly gid: number;
  /**
   * Whether the caller may mount and make namespaces without a user namespace (CAP_SYS_ADMIN in its bounding set and
   * effective).
   */
  readonly canMount: boolean;
  /**
   * Whether the caller is in a user namespace that is not the first: nobody in it can make or open what is the host's.
   */
  readonly nestedUserNamespace?: boolean | undefined;
  /** The capabilities that a privileged caller can give a container: all, when absent. */
  readonly capabilities?: readonly Capability[] | undefined;
  /** What /etc/subuid and /etc/subgid give the caller. */
  readonly subordinateUids: readonly IdRange[];
  readonly subordinateGids: readonly IdRange[];
  readonly hostname: string;
  /** Whether the caller is kept from gaining privileges, as in a sandbox: newuidmap is of no use then. */
  readonly noNewPrivileges?: boolean | undefined;
  /** Node's name of the machine: `x64`, `arm64`, … */
  readonly machine: string;
  /** The kernel's release, such as `6.1.0-21-amd64`. */
  readonly kernel: string;
  /** Whether /sys/fs/cgroup is the unified hierarchy. */
  readonly cgroup2: boolean;
  /** Where the caller may limit resources. */
  readonly cgroups: CgroupFacts;
  readonly network: NetworkFacts;
  readonly tools: HostTools;
}
