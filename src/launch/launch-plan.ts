import type { Capability } from '../linux/capabilities.ts';
import type { IdExtent } from '../linux/ids.ts';
import type { LimitValue, Resource } from '../linux/limits.ts';
import type { MountAttribute, Propagation } from '../linux/mount-flags.ts';
import type { SeccompPolicy } from '../linux/seccomp/seccomp-policy.ts';
import type { CgroupPlan } from './limits/limits.ts';
import type { NetworkPlan } from './network/network-plan.ts';

/** Namespaces that a container gets of its own. namespaces(7). The cgroup namespace is a step: it must come late. */
export type Namespace = 'mount' | 'pid' | 'ipc' | 'uts' | 'network' | 'time';

/** User and group maps of the user namespace. */
export interface IdMap {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
  /**
   * Who writes them: newuidmap, an ordinary user a single line without it, or root, all. With `root`, files lie on disk
   * with the image's IDs, and are shown with those of the map by idmapped mounts.
   */
  readonly by: 'newuidmap' | 'single' | 'root';
  /**
   * The caller's own IDs in the namespace, which are the same outside; absent where the caller is root in it, or not in
   * it.
   */
  readonly caller?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Where the container's root directory comes from. */
export type RootSpec =
  /** A directory of the host: what the container changes stays in it. */
  | { readonly kind: 'directory'; readonly path: string }
  /**
   * Unpacked layers that stay untouched below a layer of the container's own. `directory` is the container's and holds
   * `upper`, `work`, `merged` and `l/0`… (links to the lower directories, top first): overlayfs is mounted from there
   * with these short names, since the names of all layers must fit in one page.
   */
  | { readonly kind: 'overlay'; readonly directory: string; readonly lower: readonly string[] };

/** What a bind mount's target is made as where it is missing: what its source is. */
export interface BindStep {
  readonly do: 'bind';
  /** Absolute, on the host. */
  readonly source: string;
  /** Absolute, in the container; links are followed inside of the root. */
  readonly target: string;
  readonly attributes: readonly MountAttribute[];
  /**
   * Whether mounts that are made in it later, on the host or here, are seen on the other side too; `private` when
   * absent.
   */
  readonly propagation?: Propagation | undefined;
  /**
   * A volume that the image names: its source is the container's own, and filled with what the image has at the target.
   */
  readonly imageVolume?: true;
}

/**
 * One thing that is done inside the new namespaces, in this order. Targets are paths below the new root. `strict` ones
 * must not lead over symbolic links: an image that makes /proc or /dev a link is refused.
 */
export type Step =
  | { readonly do: 'private-mounts' }
  | { readonly do: 'hostname'; readonly name: string }
  | { readonly do: 'raise-loopback' }
  /**
   * A setting of the container's own namespaces: its file below /proc/sys. It stays as it is where it cannot be
   * written.
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
      /** What is told as mounted there; the type when absent. */
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
  /** A device of the host, or all in a directory, at the same or another place below /dev. */
  | {
      readonly do: 'host-device';
      readonly source: string;
      readonly target: string;
      /** Letters of `rwm`: what the container's list of devices lets it do. */
      readonly access: string;
      readonly make: boolean;
    }
  | { readonly do: 'link'; readonly target: string; readonly to: string }
  | BindStep
  /** A file of the container's own over one of the root filesystem: a text, or what the host's file holds. */
  | {
      readonly do: 'file';
      readonly target: string;
      readonly content:
        | { readonly text: string }
        | { readonly hostFile: string; readonly append?: string | undefined }
        /** The host's file itself, read-only: it changes as the host changes it. */
        | { readonly shared: string };
    }
  | { readonly do: 'mask'; readonly target: string }
  /** `mounted`: a file system was mounted there by a step before, so that it need not be made a mount first. */
  | { readonly do: 'read-only'; readonly target: string; readonly mounted?: true }
  | { readonly do: 'terminal' }
  /** The command's working directory is made where it is missing, before nothing can be made any more. */
  | { readonly do: 'working-directory'; readonly target: string }
  | { readonly do: 'pivot'; readonly readOnlyRoot: boolean }
  /** Instead of `pivot`: the old root stays below, and a process with CAP_SYS_CHROOT can go back to it. */
  | { readonly do: 'chroot'; readonly readOnlyRoot: boolean };

export interface Limit {
  readonly resource: Resource;
  readonly soft: LimitValue;
  /** `keep`: the hard limit stays what it is, and the soft one is not raised above it. */
  readonly hard: LimitValue | 'keep';
}

/**
 * What becomes of the stub at the end: the container's first process. User, home and program are looked up in the new
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
  /** Whether a group list can be set: not in a user namespace of a single ID. */
  readonly setGroups: boolean;
  /** `--group-add`: names or numbers, beside those that the user has. */
  readonly extraGroups: readonly string[];
  /**
   * Bounding, permitted and effective for root; the bounding set only for others. Inheritable and ambient are empty.
   */
  readonly capabilities: readonly Capability[];
  /** Whether programs with file capabilities or set-user-ID bits give none. */
  readonly noNewPrivileges: boolean;
  /** docker's default filter, fitted to the capabilities, or none, or the caller's own. */
  readonly seccomp: 'default' | 'unconfined' | SeccompPolicy;
  readonly umask: number;
  readonly limits: readonly Limit[];
  /** Standard streams: a terminal of its own, or three pipes of which the first is /dev/null unless `stdin`. */
  readonly terminal: boolean;
  readonly stdin: boolean;
}

/** A launch as data: printed by `--dry-run`, performed by host/start/execute and, inside the namespaces, by a stub. */
export interface LaunchPlan {
  readonly namespaces: readonly Namespace[];
  /** Absent where the caller is privileged. */
  readonly idMap?: IdMap | undefined;
  readonly steps: readonly Step[];
  readonly command: ProcessPlan;
  readonly network: NetworkPlan;
  /** Whether no list of devices is wished for: a privileged container. */
  readonly mayUseAllDevices?: boolean | undefined;
  /** Cgroups of the container's own, made before it starts and removed after it. */
  readonly cgroups: readonly CgroupPlan[];
  /** What the user should be told: each becomes a warning event. */
  readonly warnings: readonly string[];
}
