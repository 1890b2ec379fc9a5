import type { SeccompProfile } from '../../linux/seccomp/seccomp-profile.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { RootSpec } from '../launch-plan.ts';
import type { ResourceRequest } from '../limits/resources.ts';
import type { NamedNetwork } from '../network/named-network.ts';
import type { JoinedProcess } from '../network/network-plan.ts';
import type { HealthRequest } from './health.ts';
import type { UserNamespaceMode } from './id-map.ts';
import type { ImageVolumeMode } from './image-volumes.ts';
import type { NameRequest } from './network-files.ts';

/**
 * The request of a `run`, under the names of the command line's options and in their spelling: the planner parses the
 * texts. Only `command` need be given to {@link runSource}.
 */
export interface RunRequest {
  /** The arguments after ROOTFS or SOURCE; empty for the image's own command. */
  readonly command: readonly string[];
  /** `--entrypoint`: replaces the image's entrypoint and discards its Cmd; '' clears it. */
  readonly entrypoint?: string | undefined;
  /** `-i`: standard input is passed on; without it the command reads /dev/null. */
  readonly interactive: boolean;
  /** `-t`: a terminal of the container's own. */
  readonly terminal: boolean;
  /** `-e NAME=value` or `-e NAME` (the caller's value; left out where the caller has none), in order. */
  readonly env: readonly string[];
  /** `--env-file`: the text of each file, in order; `-e` wins over them. */
  readonly envFiles: readonly string[];
  /** `-w`: the working directory, absolute. Default: the image's. */
  readonly workdir?: string | undefined;
  /** `-u USER[:GROUP]`, names or numbers. Default: the image's. */
  readonly user?: string | undefined;
  /** `-v SOURCE:TARGET[:options]` */
  readonly volumes: readonly string[];
  /** `--tmpfs TARGET[:options]` */
  readonly tmpfs: readonly string[];
  /**
   * `--hostname`. Default: the first 12 characters of the container's ID; with `--network host` or `--uts host` the
   * host's.
   */
  readonly hostname?: string | undefined;
  /**
   * `--network`. Default: `bridge` for root; `pasta` or `slirp4netns` for other users, or `none`, with a warning, where
   * neither is installed or /dev/net/tun cannot be opened.
   */
  readonly network?: string | undefined;
  /** Further networks of `--network`, by their names; the first one is then `bridge` or one of them too. */
  readonly networks?: readonly string[] | undefined;
  /** `-p [[ADDRESS:][HOSTPORT]:]CONTAINERPORT[/udp]`; without HOSTPORT a free port of the host is chosen. */
  readonly publish?: readonly string[] | undefined;
  /** `-P`: publishes all exposed ports on free ports of the host. */
  readonly publishAll?: boolean | undefined;
  /** `--expose PORT[/udp]`: ports for `-P`, besides those that the image exposes. */
  readonly expose?: readonly string[] | undefined;
  /** `--network-alias`: names by which other containers on the bridge find this one, besides its host name. */
  readonly networkAliases?: readonly string[] | undefined;
  /** `--dns`, `--dns-search`, `--dns-option`, `--add-host` */
  readonly names?: NameRequest | undefined;
  /** `--read-only`: the root filesystem cannot be changed. */
  readonly readOnly: boolean;
  /** `--cap-add`: `NET_ADMIN`, `ALL` */
  readonly capAdd: readonly string[];
  /** `--cap-drop` */
  readonly capDrop: readonly string[];
  /** Limits: `--memory`, `--cpus`, `--pids-limit`, … */
  readonly resources?: ResourceRequest | undefined;
  /** `--privileged`: all capabilities and devices, nothing hidden, read-only or filtered. */
  readonly privileged?: boolean | undefined;
  /** `--security-opt no-new-privileges`. Default: on, unless `privileged`. */
  readonly noNewPrivileges?: boolean | undefined;
  /** `--security-opt seccomp=`. Default: docker's policy, none where `privileged`. */
  readonly seccomp?: 'unconfined' | SeccompProfile | undefined;
  /** `--security-opt systempaths=unconfined`: /proc and /sys as the kernel shows them. */
  readonly unmask?: boolean | undefined;
  /** `--device HOST[:CONTAINER[:rwm]]` */
  readonly devices?: readonly string[] | undefined;
  /** `--device-cgroup-rule 'c 189:* rwm'` */
  readonly deviceRules?: readonly string[] | undefined;
  /** `--mount type=bind|volume|tmpfs,…` */
  readonly mounts?: readonly string[] | undefined;
  /** `--image-volume`. Default `bind`. */
  readonly imageVolume?: ImageVolumeMode | undefined;
  /** `--shm-size`. Default 64 MiB. */
  readonly shmSize?: string | undefined;
  /** `--ulimit NAME=SOFT[:HARD]` */
  readonly ulimits?: readonly string[] | undefined;
  /** `--umask`, octal. Default 0022. */
  readonly umask?: string | undefined;
  /** `--group-add`: names or numbers of further groups. */
  readonly groupAdd?: readonly string[] | undefined;
  /** `--init`: a small init as process 1, which reaps processes and passes signals on. */
  readonly init?: boolean | undefined;
  /** `--isolation`. Default `pivot`. */
  readonly isolation?: 'pivot' | 'chroot' | undefined;
  /** `--time-namespace`: a time namespace of the container's own. */
  readonly timeNamespace?: boolean | undefined;
  /** `--userns`. Default `host`. */
  readonly userns?: UserNamespaceMode | undefined;
  /** `--ipc`. Default: a namespace of the container's own. */
  readonly ipc?: 'private' | 'host' | undefined;
  /** `--pid`. Default: a namespace of the container's own. */
  readonly pid?: 'private' | 'host' | undefined;
  /** `--health-cmd` and the like. Default: the image's health check. */
  readonly health?: HealthRequest | undefined;
  /** `--uts`. Default: a namespace of the container's own. */
  readonly uts?: 'private' | 'host' | undefined;
}

/** A request in which only `command` is required. */
export type RunInput = Pick<RunRequest, 'command'> & Partial<RunRequest>;

/** Adds the defaults of `tsimg run`: no input, no terminal, nothing mounted, no capability changed. */
export function completeRequest(input: RunInput): RunRequest {
  return {
    interactive: false,
    terminal: false,
    env: [],
    envFiles: [],
    volumes: [],
    tmpfs: [],
    readOnly: false,
    capAdd: [],
    capDrop: [],
    ...input,
  };
}

/** What the planner takes besides the request: the planner looks nothing up. */
export interface RunSurroundings {
  readonly facts: HostFacts;
  readonly root: RootSpec;
  /** The directory on the host for the image's volumes; absent where the container has no directory of its own. */
  readonly volumes?: string | undefined;
  /** The directory on the host of volumes with names. */
  readonly namedVolumes?: string | undefined;
  /** The container's ID: its first 12 characters are the default host name. */
  readonly id: string;
  /** The caller's working directory, for `-v ./data:/data`; '' where it was removed. */
  readonly cwd: string;
  /** The caller's environment, for `-e NAME`. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** For `--network container:NAME`: the first process of that container, as the host numbers it. */
  readonly joined?: JoinedProcess | undefined;
  /** The network that the request names, where a user made it. */
  readonly named?: NamedNetwork | undefined;
  /** The further networks that the request names. */
  readonly further?: readonly NamedNetwork[] | undefined;
  /** The container's name: other containers on the bridge find it by this name too. */
  readonly name?: string | undefined;
}
