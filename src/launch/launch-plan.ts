import type { Capability } from '../linux/capabilities.ts';
import type { IdExtent } from '../linux/ids.ts';
import type { LimitValue, Resource } from '../linux/limits.ts';
import type { MountAttribute, Propagation } from '../linux/mount-flags.ts';
import type { SeccompPolicy } from '../linux/seccomp/seccomp-policy.ts';
import type { HealthPlan } from './health.ts';
import type { CgroupPlan } from './limits/limits.ts';
import type { NetworkPlan } from './network/network-plan.ts';

/**
 * Namespaces that a container may get of its own. namespaces(7). The cgroup namespace is a step: it must be made late.
 */
export type Namespace = 'mount' | 'pid' | 'ipc' | 'uts' | 'network' | 'time';

/** The user and group maps of a user namespace. */
export interface IdMap {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
  /**
   * The writer of the maps: newuidmap; an ordinary user without it (`single`: one ID); or root. With `root`, files on
   * disk keep the image's IDs, and ID-mapped mounts show them with those of the map.
   */
  readonly by: 'newuidmap' | 'single' | 'root';
  /**
   * The IDs of a caller that has the same IDs inside and outside; absent where the caller is root inside, or not in the
   * map.
   */
  readonly caller?: { readonly uid: number; readonly gid: number } | undefined;
}

/** The origin of the container's root directory. */
export type RootSpec =
  /** A directory of the host: the container's changes stay in it. */
  | { readonly kind: 'directory'; readonly path: string }
  /**
   * Unpacked layers, which stay untouched, below a layer of the container's own. `directory` is the container's and
   * holds `upper`, `work`, `merged` and `l/0`… (links to the lower directories, top first): overlayfs is mounted from
   * there by these short names, since the names of all layers must fit into one page.
   */
  | {
      readonly kind: 'overlay';
      readonly directory: string;
      readonly lower: readonly string[];
      /** Whether its files are removed with the container, so that the disk need not have them. */
      readonly volatile?: true | undefined;
    };

/** A bind mount. A missing target is made as a file or a directory, as its source is. */
export interface BindStep {
  readonly do: 'bind';
  /** Absolute, on the host. */
  readonly source: string;
  /** Absolute, in the container; links are followed inside the root. */
  readonly target: string;
  readonly attributes: readonly MountAttribute[];
  /** Whether later mounts below it propagate between host and container. Default `private`. */
  readonly propagation?: Propagation | undefined;
  /**
   * A volume: of the image, without a name, or with one (`volume`). tsimg makes the source, and fills it with the files
   * that the image has at the target.
   */
  readonly imageVolume?: true;
  /** The name of a volume that outlives the container; its source is treated as that of an image's volume. */
  readonly volume?: string | undefined;
  /** Whether such a volume stays empty at its first use: `nocopy`. */
  readonly unfilled?: true | undefined;
}

/**
 * One operation inside the new namespaces, in order. Targets are paths below the new root. The path of a `strict` one
 * must not contain symbolic links: an image that makes /proc or /dev a link is refused.
 */
export type Step =
  | { readonly do: 'private-mounts' }
  | { readonly do: 'hostname'; readonly name: string }
  | { readonly do: 'raise-loopback' }
  /**
   * A setting of the container's own namespaces, a file below /proc/sys. It is left alone where it cannot be written.
   */
  | { readonly do: 'sysctl'; readonly name: string; readonly value: string }
  | { readonly do: 'cgroup-namespace' }
  | {
      readonly do: 'root';
      readonly root: RootSpec;
      readonly userXattr: boolean;
      readonly attributes: readonly MountAttribute[];
    }
  | {
      readonly do: 'mount';
      readonly type: string;
      /** The source that mountinfo shows. Default: the type. */
      readonly source?: string | undefined;
      readonly target: string;
      readonly attributes: readonly MountAttribute[];
      readonly data: string;
      readonly strict: boolean;
    }
  | {
      readonly do: 'host-tree';
      readonly source: string;
      readonly target: string;
      readonly attributes: readonly MountAttribute[];
    }
  | { readonly do: 'directory'; readonly target: string; readonly mode: number }
  | {
      readonly do: 'device';
      readonly target: string;
      readonly major: number;
      readonly minor: number;
      readonly make: boolean;
    }
  /** A device of the host, or all devices of a directory, at the same place or another one below /dev. */
  | {
      readonly do: 'host-device';
      readonly source: string;
      readonly target: string;
      /** Letters of `rwm`: the access that the container's list of devices permits. */
      readonly access: string;
      readonly make: boolean;
    }
  | { readonly do: 'link'; readonly target: string; readonly to: string }
  | BindStep
  /** A file of the container's own, mounted over one of the root filesystem: a text, or a copy of a file. */
  | {
      readonly do: 'file';
      readonly target: string;
      readonly content:
        | { readonly text: string }
        | { readonly hostFile: string; readonly append?: string | undefined }
        /** The host's file itself, read-only: the container sees its changes. */
        | { readonly shared: string }
        /** The root filesystem's own file with one more line, unless a line has this ID: passwd(5), group(5). */
        | { readonly line: string; readonly unlessId: number };
    }
  | { readonly do: 'mask'; readonly target: string }
  /** `mounted`: an earlier step mounted a file system there, so that it need not be made a mount first. */
  | { readonly do: 'read-only'; readonly target: string; readonly mounted?: true }
  | { readonly do: 'terminal' }
  /** The command's working directory is made where it is missing, while the root can still be written. */
  | { readonly do: 'working-directory'; readonly target: string }
  | { readonly do: 'pivot'; readonly readOnlyRoot: boolean }
  /** In the place of `pivot`: the old root stays below, and a process with CAP_SYS_CHROOT can return to it. */
  | { readonly do: 'chroot'; readonly readOnlyRoot: boolean };

/** A limit of a resource of the command, setrlimit(2). */
export interface Limit {
  readonly resource: Resource;
  readonly soft: LimitValue;
  /** `keep`: the hard limit is not changed, and bounds the soft one. */
  readonly hard: LimitValue | 'keep';
}

/**
 * The container's first process, which the stub becomes at the end. User, home and program are looked up in the new
 * root.
 */
export interface ProcessPlan {
  /** Never empty. */
  readonly args: readonly string[];
  /** `NAME=value`, each name once; HOME is added where it is missing. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** `user[:group]`, each a name or a number; '' is root. */
  readonly user: string;
  /** Whether supplementary groups can be set: not in a user namespace with a single ID. */
  readonly setGroups: boolean;
  /** `--group-add`: names or numbers, in addition to the user's groups. */
  readonly extraGroups: readonly string[];
  /**
   * For root: bounding, permitted and effective set; for other users the bounding set alone. Inheritable and ambient
   * are empty.
   */
  readonly capabilities: readonly Capability[];
  /** Whether file capabilities and set-user-ID bits of programs have no effect. */
  readonly noNewPrivileges: boolean;
  /** docker's default filter for these capabilities, none, or the caller's own policy. */
  readonly seccomp: 'default' | 'unconfined' | SeccompPolicy;
  readonly umask: number;
  readonly limits: readonly Limit[];
  /**
   * The standard streams: a terminal of the container's own, or three pipes, the first of which is /dev/null without
   * `stdin`.
   */
  readonly terminal: boolean;
  readonly stdin: boolean;
}

/** A launch as data. `--dry-run` prints it; host/start/execute performs it, with a stub inside the namespaces. */
export interface LaunchPlan {
  readonly namespaces: readonly Namespace[];
  /** Absent where the container has no user namespace: real root's, unless it asked for --userns auto. */
  readonly idMap?: IdMap | undefined;
  readonly steps: readonly Step[];
  readonly command: ProcessPlan;
  readonly network: NetworkPlan;
  /** Whether the container may use all devices, so that it needs no list: a privileged one. */
  readonly mayUseAllDevices?: boolean | undefined;
  /** The container's own cgroups, made before it starts and removed after it. */
  readonly cgroups: readonly CgroupPlan[];
  /** The health check that runs while the container does. */
  readonly health?: HealthPlan | undefined;
  /** Warnings for the user, each of which becomes an event. */
  readonly warnings: readonly string[];
}
