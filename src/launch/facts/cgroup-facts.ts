/** The caller's cgroup in a hierarchy of version 1. */
export interface LegacyHierarchy {
  /** Its controllers, or its name (`name=systemd`) where it has none. */
  readonly controllers: readonly string[];
  /** The caller's own cgroup, as an absolute path on the host. */
  readonly directory: string;
  /** Whether the caller may make cgroups in it, and move processes to them. */
  readonly writable: boolean;
}

/** A cgroup of version 2 with the caller in it or below it. */
export interface UnifiedCgroup {
  readonly directory: string;
  /** Whether the caller may make cgroups in it, give them controllers, and move its own processes to them. */
  readonly writable: boolean;
  /** Whether it contains processes, so that it can give its children no controllers; never true of the root cgroup. */
  readonly occupied: boolean;
  /** The controllers that it can give to its children. */
  readonly controllers: readonly string[];
}

/** The cgroups of a host, and those in which the caller may make some. A hybrid host has both versions. */
export interface CgroupFacts {
  readonly v1: readonly LegacyHierarchy[];
  /** The caller's own cgroup first, then those around it. On a hybrid host they have no controllers. */
  readonly v2: readonly UnifiedCgroup[];
  /**
   * Hierarchies of version 1, as /proc/self/cgroup names them, in whose root cgroup the caller is, and in which it can
   * make no cgroup because they are not mounted here, or read-only. The root cgroup has `release_agent`: a program that
   * the kernel starts outside of all containers.
   */
  readonly exposed?: readonly string[] | undefined;
}
