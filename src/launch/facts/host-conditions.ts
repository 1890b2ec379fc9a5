/** Settings of a host that may prevent a launch; absent where the host has no such setting. */
export interface HostConditions {
  readonly uid: number;
  /** The kernel's release. */
  readonly kernel: string;
  /** The system call filter of this process: 0 none, 1 strict, 2 a filter, as in a container. */
  readonly seccomp: number;
  /** Debian's kernel.unprivileged_userns_clone: 0 refuses users. */
  readonly usernsClone?: number | undefined;
  /** user.max_user_namespaces: 0 refuses all. */
  readonly maxUserNamespaces?: number | undefined;
  /** Ubuntu's kernel.apparmor_restrict_unprivileged_userns: 1 gives users namespaces without rights. */
  readonly apparmorRestricts?: number | undefined;
}

/** The cause of a refusal, and its remedy. */
export interface Refusal {
  readonly cause: string;
  readonly remedy: string;
}

const OUTER_FILTER: Refusal = {
  cause: 'a system call filter around this process refuses it: tsimg runs in a container',
  remedy: 'start the outer container with --security-opt seccomp=unconfined (docker, podman), or with --privileged',
};

/** The first kernel with each call, and with the flags of it, that a launch needs: major and minor version. */
const SINCE: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['open_tree', [5, 2]],
  ['move_mount', [5, 2]],
  ['pidfd_open', [5, 3]],
  ['openat2', [5, 6]],
  ['close_range', [5, 11]],
  ['mount_setattr', [5, 12]],
]);

function isOlder(release: string, [major, minor]: readonly [number, number]): boolean {
  const [, ownMajor = '0', ownMinor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(ownMajor) < major || (Number(ownMajor) === major && Number(ownMinor) < minor);
}

/** Explains a missing system call: ENOSYS comes from an old kernel, or from docker's filter. */
export function missingCall(call: string, { kernel }: HostConditions): Refusal {
  const since = SINCE.get(call);
  if (since === undefined || !isOlder(kernel, since)) return OUTER_FILTER;
  return {
    cause: `${call}, as a launch needs it, came with Linux ${since.join('.')}; this is ${kernel}`,
    remedy: 'use Linux 5.12 or later',
  };
}

/** Explains why no user namespace can be made, or used; undefined where no setting explains it. */
export function refusedNamespace(conditions: HostConditions): Refusal | undefined {
  const { uid, usernsClone, maxUserNamespaces, apparmorRestricts, seccomp } = conditions;
  if (maxUserNamespaces === 0) {
    return {
      cause: 'user.max_user_namespaces is 0: no user namespaces',
      remedy: 'sysctl user.max_user_namespaces=15000, as root',
    };
  }
  if (uid !== 0 && usernsClone === 0) {
    return {
      cause: 'kernel.unprivileged_userns_clone is 0: no user namespaces for ordinary users',
      remedy: 'sysctl kernel.unprivileged_userns_clone=1, as root',
    };
  }
  if (uid !== 0 && apparmorRestricts === 1) {
    return {
      cause: 'kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor leaves users’ namespaces without rights',
      remedy: 'sysctl kernel.apparmor_restrict_unprivileged_userns=0, as root',
    };
  }
  return seccomp === 2 ? OUTER_FILTER : undefined;
}

/**
 * Explains a refused mount in namespaces that could be made.
 * @param place `TYPE on TARGET`
 */
export function refusedMount(place: string, conditions: HostConditions): Refusal {
  if (/^(proc|sysfs) on /.test(place)) {
    const type = place.split(' ', 1)[0];
    return {
      cause: `parts of the ${type} around this process are hidden, and the kernel permits no mount that shows more`,
      remedy: 'start the outer container with --security-opt systempaths=unconfined (docker) or unmask=ALL (podman)',
    };
  }
  return (
    refusedNamespace(conditions) ?? {
      cause: 'the kernel or a security module (AppArmor, SELinux) refuses it to this process',
      remedy:
        'in a container, start the outer one with --privileged, or with --cap-add SYS_ADMIN and without its profile',
    }
  );
}
