import type { Capability } from '../../linux/capabilities.ts';
import type { IdRange } from '../../linux/ids.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import type { NetworkFacts } from './network-facts.ts';

/** Programs of the host that a launch may use, by absolute path; absent where the host lacks them. */
export interface HostTools {
  readonly sh?: string | undefined;
  readonly rm?: string | undefined;
  readonly newuidmap?: string | undefined;
  readonly newgidmap?: string | undefined;
  /** A static init; looked for with `--init`, and by the doctor. */
  readonly init?: string | undefined;
  readonly nsenter?: string | undefined;
  readonly unshare?: string | undefined;
  readonly flock?: string | undefined;
  readonly ip?: string | undefined;
  readonly nft?: string | undefined;
  readonly iptables?: string | undefined;
  readonly iptablesRestore?: string | undefined;
  readonly pasta?: string | undefined;
  readonly slirp4netns?: string | undefined;
}

/** The facts about host and caller that planners use: host/facts/probe finds them out. */
export interface HostFacts {
  /** The caller's effective IDs. */
  readonly uid: number;
  readonly gid: number;
  /**
   * Whether the caller may mount and make namespaces without a user namespace: it is root, and its effective set has
   * SYS_ADMIN and what else a launch needs (`NEEDED` in host/facts/probe).
   */
  readonly canMount: boolean;
  /**
   * Whether the caller is in a user namespace other than the first one, where no process can make or open the host's
   * devices.
   */
  readonly nestedUserNamespace?: boolean | undefined;
  /** The capabilities that a privileged caller can give a container. Default: all. */
  readonly capabilities?: readonly Capability[] | undefined;
  /** The caller's name; undefined where the host has none for it. */
  readonly userName?: string | undefined;
  /** The caller's ranges in /etc/subuid and /etc/subgid. */
  readonly subordinateUids: readonly IdRange[];
  readonly subordinateGids: readonly IdRange[];
  readonly hostname: string;
  /** Whether the caller runs with no_new_privs, as in a sandbox: newuidmap has no effect then. */
  readonly noNewPrivileges?: boolean | undefined;
  /** Node's name of the machine: `x64`, `arm64`, … */
  readonly machine: string;
  /** The kernel's release, such as `6.1.0-21-amd64`. */
  readonly kernel: string;
  /** Whether /sys/fs/cgroup is the unified hierarchy. */
  readonly cgroup2: boolean;
  /** The cgroups that the caller may use. */
  readonly cgroups: CgroupFacts;
  readonly network: NetworkFacts;
  readonly tools: HostTools;
}
