import type { Context } from '../../events.ts';
import type { HealthRequest } from '../../launch/plan/health.ts';
import type { UserNamespaceMode } from '../../launch/plan/id-map.ts';
import type { ImageVolumeMode } from '../../launch/plan/image-volumes.ts';
import type { SeccompProfile } from '../../linux/seccomp/seccomp-profile.ts';
import type { Platform } from '../../oci/platform.ts';
import type { ImageOptions } from '../../verbs/image/open-image.ts';
import type { PullPolicy } from '../../verbs/run/run-source.ts';

/** A file or directory of the host, or a named volume, in a container. */
export interface VolumeMount {
  /** A path: absolute, or one that begins with `./` or `../`. A name without a slash is a volume's. */
  readonly source: string;
  /** The absolute path in the container. */
  readonly target: string;
  /** Whether the container cannot write to it. Default false. */
  readonly readOnly?: boolean | undefined;
}

/** A port of a container that is published on the host. */
export interface PortMapping {
  /** The port in the container. */
  readonly container: number;
  /** The port on the host; a free one is chosen when absent. */
  readonly host?: number | undefined;
  /** The address on the host. Default `127.0.0.1`: no other machine reaches the port. */
  readonly address?: string | undefined;
  /** Default `tcp`. */
  readonly protocol?: 'tcp' | 'udp' | undefined;
}

/** A limit of a resource of the command's processes, as `--ulimit` sets it; `-1` is no limit. */
export interface SoftAndHard {
  readonly soft: number;
  readonly hard: number;
}

/** The command of a container, its user and its surroundings. */
export interface CommandOptions {
  /** Replaces the image's entrypoint and drops its command; '' clears it. */
  readonly entrypoint?: string | undefined;
  /**
   * An object (a value that is undefined is left out), or docker's list of `NAME=value` and `NAME`, which takes the
   * value of this process.
   */
  readonly env?: Readonly<Record<string, string | number | boolean | undefined>> | readonly string[] | undefined;
  /** The contents (not the paths) of environment files, `NAME=value` in each line; `env` wins over them. */
  readonly envFiles?: readonly string[] | undefined;
  /** The absolute working directory. Default: the image's. */
  readonly workdir?: string | undefined;
  /** `USER[:GROUP]`, names or numbers. Default: the image's. */
  readonly user?: string | number | undefined;
  /** Further groups, by name or number. */
  readonly groupAdd?: readonly (string | number)[] | undefined;
  /** The umask of the command; a text is octal. Default 0o022. */
  readonly umask?: number | string | undefined;
  /** Whether an init is process 1, which reaps processes and passes signals on. Default false. */
  readonly init?: boolean | undefined;
}

/** The files of a container. */
export interface FileOptions {
  /** Objects, or docker's `SOURCE:TARGET[:OPTIONS]`. */
  readonly volumes?: readonly (string | VolumeMount)[] | undefined;
  /** docker's `type=bind,source=…,target=…`. */
  readonly mounts?: readonly string[] | undefined;
  /** Empty file systems in memory: `TARGET[:OPTIONS]`, or options by target. */
  readonly tmpfs?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Whether the root cannot be changed. Default false. */
  readonly readOnly?: boolean | undefined;
  /** How the volumes that the image declares are made. Default `bind`: directories of the container. */
  readonly imageVolume?: ImageVolumeMode | undefined;
  /** The size of /dev/shm: bytes, or a text such as `64m`, which is the default. */
  readonly shmSize?: number | string | undefined;
}

/** The network of a container. */
export interface NetworkOptions {
  /**
   * `none`, `host`, `bridge`, `pasta`, `slirp4netns`, `container:NAME`, `ns:PATH` or the name of a network. Default:
   * `bridge` for root, `pasta` for other users. Of a list of networks that were made, or `bridge` and such networks,
   * the first one publishes the ports.
   */
  readonly network?: string | readonly string[] | undefined;
  /** Whether all ports that the image or `expose` exposes are published on free ports of the host. Default false. */
  readonly publishAll?: boolean | undefined;
  /** Ports for `publishAll`, besides those of the image: numbers, or `PORT/udp`. */
  readonly expose?: readonly (number | string)[] | undefined;
  /** Further names of the container in its network. */
  readonly networkAliases?: readonly string[] | undefined;
  /**
   * A number is a port of the container, which gets a free port of 127.0.0.1; a text is docker's
   * `[ADDRESS:]HOSTPORT:PORT[/udp]`, for which the default address is 0.0.0.0.
   */
  readonly ports?: readonly (number | string | PortMapping)[] | undefined;
  /** The host name. Default: the first 12 characters of the container's ID. */
  readonly hostname?: string | undefined;
  /** Addresses by name, or docker's `NAME:ADDRESS`. `host-gateway` is the host's address. */
  readonly hosts?: Readonly<Record<string, string>> | readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
}

/** The limits of a container. Sizes are bytes, or texts such as `64m`. */
export interface LimitOptions {
  readonly memory?: number | string | undefined;
  /** Memory and swap together; -1 is no limit on swap. Default: twice the memory. */
  readonly memorySwap?: number | string | undefined;
  readonly memoryReservation?: number | string | undefined;
  /** A number of processors, such as 0.5. */
  readonly cpus?: number | string | undefined;
  /** 2 to 262144; 1024 is an equal share. */
  readonly cpuShares?: number | string | undefined;
  /** Processors, such as `0-3,7`. */
  readonly cpusetCpus?: string | undefined;
  /** Memory nodes, such as `0,1`. */
  readonly cpusetMems?: string | undefined;
  /** Processes and threads; -1 is no limit. Default 2048. */
  readonly pids?: number | string | undefined;
  /** 10 to 1000. */
  readonly blkioWeight?: number | string | undefined;
  /** `DEVICE:RATE`, bytes a second. */
  readonly deviceReadBps?: readonly string[] | undefined;
  readonly deviceWriteBps?: readonly string[] | undefined;
  /** `DEVICE:RATE`, operations a second. */
  readonly deviceReadIops?: readonly string[] | undefined;
  readonly deviceWriteIops?: readonly string[] | undefined;
  /** By name, such as `{ nofile: 4096 }`, or docker's `NAME=SOFT[:HARD]`. */
  readonly ulimits?: Readonly<Record<string, number | SoftAndHard>> | readonly string[] | undefined;
}

/** The isolation of a container. */
export interface IsolationOptions {
  /** Capabilities that are added, such as `NET_ADMIN`, or `ALL`. */
  readonly capAdd?: readonly string[] | undefined;
  /** Capabilities that are dropped, or `ALL`. */
  readonly capDrop?: readonly string[] | undefined;
  /** All capabilities and devices; nothing is hidden, read-only or filtered. Default false. */
  readonly privileged?: boolean | undefined;
  /** Default: true, unless `privileged`. */
  readonly noNewPrivileges?: boolean | undefined;
  /** A profile that replaces docker's, or no filter of system calls. */
  readonly seccomp?: 'unconfined' | SeccompProfile | undefined;
  /** Whether /proc and /sys are as the kernel shows them. Default false. */
  readonly unmask?: boolean | undefined;
  /** `HOST[:CONTAINER[:rwm]]` */
  readonly devices?: readonly string[] | undefined;
  /** docker's rules, such as `c 189:* rwm`. */
  readonly deviceRules?: readonly string[] | undefined;
  /** How the root is changed. Default `pivot`. */
  readonly isolation?: 'pivot' | 'chroot' | undefined;
  readonly timeNamespace?: boolean | undefined;
  /** The user namespace. Default `host`; for ordinary users one of their own. */
  readonly userns?: UserNamespaceMode | undefined;
  readonly ipc?: 'private' | 'host' | undefined;
  readonly pid?: 'private' | 'host' | undefined;
  readonly uts?: 'private' | 'host' | undefined;
}

/** The life of a container. */
export interface LifeOptions {
  /** A name; made up when absent. */
  readonly name?: string | undefined;
  /** Whether a container that has the name is killed and removed first. Default false. */
  readonly replace?: boolean | undefined;
  /** Labels by name, or docker's list of `NAME=value` and `NAME`. */
  readonly labels?: Readonly<Record<string, string>> | readonly string[] | undefined;
  /** The health check. Default: the image's. */
  readonly health?: HealthRequest | undefined;
  /** Whether the container stays on this machine afterwards. Default false: it is removed. */
  readonly keep?: boolean | undefined;
  /** The signal that asks the command to end. Default: the image's, or SIGTERM. */
  readonly stopSignal?: string | undefined;
  /** Seconds from that signal to SIGKILL. Default 10. */
  readonly stopTimeout?: number | undefined;
}

/**
 * How a container is made: the options of `tsimg run`, all optional. Objects and docker's texts are both understood.
 * How an image is found and pulled, and `root`, the folder of images and containers, is part of it.
 */
export interface ContainerOptions
  extends Omit<ImageOptions, 'platform' | 'env'>,
    Context,
    CommandOptions,
    FileOptions,
    NetworkOptions,
    LimitOptions,
    IsolationOptions,
    LifeOptions {
  /** The platform of the image: an object, or a text such as `linux/arm64`. Default: this machine's. */
  readonly platform?: Platform | string | undefined;
  /** When an image is pulled. Default `missing`. */
  readonly pull?: PullPolicy | undefined;
}
