import type { SeccompProfile } from '../../linux/seccomp/seccomp-profile.ts';
import type { RootSpec } from '../launch-plan.ts';
import type { ResourceRequest } from '../limits/resources.ts';
import type { JoinedProcess } from '../network/network-plan.ts';
import type { UserNamespaceMode } from './id-map.ts';
import type { ImageVolumeMode } from './image-volumes.ts';
import type { NameRequest } from './network-files.ts';

/** What `tsimg run` was asked for, as its options say it; texts are parsed by the planner. */
export interface RunRequest {
  /** Arguments after ROOTFS or SOURCE. */
  readonly command: readonly string[];
  /** `--entrypoint`: replaces the image's and discards its Cmd; '' clears it. */
  readonly entrypoint?: string | undefined;
  /** `-i`: standard input is passed on; without it the container reads /dev/null. */
  readonly interactive: boolean;
  /** `-t`: a terminal of its own. */
  readonly terminal: boolean;
  /** `-e NAME=value` or `-e NAME` (the caller's value, nothing where it has none), in order. */
  readonly env: readonly string[];
  /** `--env-file`: the text of each file, in order; `-e` wins over them. */
  readonly envFiles: readonly string[];
  /** `-w` */
  readonly workdir?: string | undefined;
  /** `-u user[:group]` */
  readonly user?: string | undefined;
  /** `-v SOURCE:TARGET[:options]` */
  readonly volumes: readonly string[];
  /** `--tmpfs TARGET[:options]` */
  readonly tmpfs: readonly string[];
  readonly hostname?: string | undefined;
  /** `--network`; `defaultNetwork` chooses where it is undefined. */
  readonly network?: string | undefined;
  /** `-p [ADDRESS:]HOSTPORT:CONTAINERPORT[/udp]` */
  readonly publish?: readonly string[] | undefined;
  /** By which other containers of the bridge find it, besides its host name. */
  readonly networkAliases?: readonly string[] | undefined;
  readonly names?: NameRequest | undefined;
  /** `--read-only`: the root file system cannot be changed. */
  readonly readOnly: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** What the container may have at most. */
  readonly resources?: ResourceRequest | undefined;
  /** `--privileged`: all capabilities and devices, nothing hidden, read-only or filtered. */
  readonly privileged?: boolean | undefined;
  /** `--security-opt no-new-privileges`: on unless `privileged`, when absent. */
  readonly noNewPrivileges?: boolean | undefined;
  /** `--security-opt seccomp=`: docker's default policy when absent. */
  readonly seccomp?: 'unconfined' | SeccompProfile | undefined;
  /** `--security-opt systempaths=unconfined`: /proc and /sys as the kernel shows them. */
  readonly unmask?: boolean | undefined;
  /** `--device HOST[:CONTAINER[:rwm]]` */
  readonly devices?: readonly string[] | undefined;
  /** `--device-cgroup-rule 'c 189:* rwm'` */
  readonly deviceRules?: readonly string[] | undefined;
  /** `--mount type=bind|tmpfs,…` */
  readonly mounts?: readonly string[] | undefined;
  /** `--image-volume`: `bind` when absent. */
  readonly imageVolume?: ImageVolumeMode | undefined;
  /** `--shm-size`: 64 MiB when absent. */
  readonly shmSize?: string | undefined;
  /** `--ulimit NAME=SOFT[:HARD]` */
  readonly ulimits?: readonly string[] | undefined;
  /** `--umask`, octal: 0022 when absent. */
  readonly umask?: string | undefined;
  /** `--group-add` */
  readonly groupAdd?: readonly string[] | undefined;
  /** `--init`: a small init as process 1, which reaps and passes signals on. */
  readonly init?: boolean | undefined;
  /** `--isolation`: `pivot` when absent. */
  readonly isolation?: 'pivot' | 'chroot' | undefined;
  /** `--time-namespace` */
  readonly timeNamespace?: boolean | undefined;
  /** `--userns`: `host` when absent. */
  readonly userns?: UserNamespaceMode | undefined;
  /** `--ipc`, `--pid`, `--uts`: a namespace of its own when absent. */
  readonly ipc?: 'private' | 'host' | undefined;
  readonly pid?: 'private' | 'host' | undefined;
  readonly uts?: 'private' | 'host' | undefined;
}

/** A request of which only the command must be said. */
export type RunInput = Pick<RunRequest, 'command'> & Partial<RunRequest>;

/** With what `tsimg run` takes where no option says else: no input, no terminal, nothing added. */
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

/** What the planner must be told besides the request: it looks nothing up. */
export interface RunSurroundings {
  readonly root: RootSpec;
  /** Where the volumes lie that the image names; absent where there is no directory of the container's own. */
  readonly volumes?: string | undefined;
  /** Names the container: its first 12 characters are the default host name. */
  readonly id: string;
  /** The caller's working directory, for `-v ./data:/data`; '' where it was removed. */
  readonly cwd: string;
  /** The caller's environment, for `-e NAME` and `TERM`. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** For `--network container:NAME`: the first process of that container, as the host numbers it. */
  readonly joined?: JoinedProcess | undefined;
  /** The container's name, by which others on the bridge find it, too. */
  readonly name?: string | undefined;
}
