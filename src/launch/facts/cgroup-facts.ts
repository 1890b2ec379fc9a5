/** The caller's cgroup in a hierarchy of version 1. */
export interface LegacyHierarchy {
  /** Its name, as `name=systemd`, where it has no controller. */
  readonly controllers: readonly string[];
  /** The caller's own cgroup, as an absolute path on the host. */
  readonly directory: string;
  /** Whether the caller may make cgroups in it and move processes to them. */
  readonly writable: boolean;
}

/** A cgroup of version 2 that the caller is in. */
export interface UnifiedCgroup {
  readonly directory: string;
  /** Whether the caller may make cgroups in it, give them controllers, and move its own processes to them. */
  readonly writable: boolean;
  /** Whether it holds processes itself, so that it can give its children no controllers; never so at the very top. */
  readonly occupied: boolean;
  /** What it could give to its children. */
  readonly controllers: readonly string[];
}

/** How resources are managed on this host, and where the caller has a say. Hybrid hosts have both versions. */
export interface CgroupFacts {
  readonly v1: readonly LegacyHierarchy[];
  /** The caller's own cgroup first, then those around it. On a hybrid host they have no controllers. */
  readonly v2: readonly UnifiedCgroup[];
  /**
   * Hierarchies of version 1, as /proc/self/cgroup names them, in whose very top the caller is and in which it can make
   * no cgroup, for they are not mounted here, or read-only: there is `release_agent`, a program that the kernel starts
   * outside of all containers.
   */
  readonly exposed?: readonly string[] | undefined;
}

/** A host on which nothing is known of cgroups. */
export const NO_CGROUPS: CgroupFacts = { v1: [], v2: [] };
