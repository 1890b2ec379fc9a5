import { unescapeField } from './mountinfo.ts';

/** One line of /proc/PID/cgroup. cgroups(7). */
export interface CgroupMembership {
  /** Those of a hierarchy of version 1, where `name=systemd` may be one; empty for version 2. */
  readonly controllers: readonly string[];
  /** As seen in the reader's cgroup namespace: `/`, or `/../…` for a cgroup outside of it. */
  readonly path: string;
}

/** Parses /proc/PID/cgroup: the cgroup of a process in each hierarchy. */
export function parseMemberships(text: string): readonly CgroupMembership[] {
  return text.split('\n').flatMap((line) => {
    const match = /^[0-9]+:([^:]*):(\/.*)$/.exec(line);
    const [, names = '', path] = match ?? [];
    return path === undefined ? [] : [{ controllers: names === '' ? [] : names.split(','), path }];
  });
}

/** A mount of a hierarchy of cgroups. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** The cgroup at the mount point. */
  readonly root: string;
  /** The options of its file system; those of version 1 name its controllers. */
  readonly options: readonly string[];
}

/** Parses /proc/PID/mountinfo: the mounts of cgroup file systems, in order. proc_pid_mountinfo(5). */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , , root, mountPoint] = front.split(' ');
    const [type, , options = ''] = back.split(' ');
    if (root === undefined || mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    const version = type === 'cgroup' ? 1 : 2;
    return [{ version, mountPoint: unescapeField(mountPoint), root: unescapeField(root), options: options.split(',') }];
  });
}

/** Returns the directory of a cgroup below a mount of its hierarchy; undefined where the mount does not show it. */
export function cgroupDirectory({ mountPoint, root }: CgroupMount, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/') return path === '/' ? mountPoint : `${mountPoint}${path}`;
  if (path === root) return mountPoint;
  return path.startsWith(`${root}/`) ? `${mountPoint}${path.slice(root.length)}` : undefined;
}

/** Finds the process's cgroup in the hierarchy of a mount; undefined where the process is in none. */
export function membershipIn(
  { version, options }: CgroupMount,
  memberships: readonly CgroupMembership[],
): CgroupMembership | undefined {
  return memberships.find(({ controllers }) =>
    version === 2 ? controllers.length === 0 : controllers.some((name) => options.includes(name)),
  );
}

/** Parses lines of `key value` (memory.events, memory.stat, cpu.stat, memory.oom_control); other lines are skipped. */
export function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) ([0-9]+)$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, Number(value));
  }
  return values;
}
