import { unescapeField } from './mountinfo.ts';

/** One line of /proc/PID/cgroup. cgroups(7). */
export interface CgroupMembership {
  /** Of version 1, `name=systemd` among them; empty for version 2. */
  readonly controllers: readonly string[];
  /** As the reader's cgroup namespace shows it: `/`, or `/../…` for one outside of it. */
  readonly path: string;
}

/** /proc/PID/cgroup → the cgroup of a process in each hierarchy. */
export function parseMemberships(text: string): readonly CgroupMembership[] {
  return text.split('\n').flatMap((line) => {
    const match = /^[0-9]+:([^:]*):(\/.*)$/.exec(line);
    const [, names = '', path] = match ?? [];
    return path === undefined ? [] : [{ controllers: names === '' ? [] : names.split(','), path }];
  });
}

/** Where a hierarchy of cgroups is mounted. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** The cgroup that is seen at the mount point. */
  readonly root: string;
  /** The options of its file system: of version 1 its controllers are among them. */
  readonly options: readonly string[];
}

/** /proc/PID/mountinfo → the mounts of cgroup file systems, in order. proc_pid_mountinfo(5). */
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

/** The directory of a cgroup below a mount of its hierarchy; undefined where that does not show it. */
export function cgroupDirectory({ mountPoint, root }: CgroupMount, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/') return path === '/' ? mountPoint : `${mountPoint}${path}`;
  if (path === root) return mountPoint;
  return path.startsWith(`${root}/`) ? `${mountPoint}${path.slice(root.length)}` : undefined;
}

/** A mount's cgroup of a process, where that takes part in the hierarchy. */
export function membershipIn(
  { version, options }: CgroupMount,
  memberships: readonly CgroupMembership[],
): CgroupMembership | undefined {
  return memberships.find(({ controllers }) =>
    version === 2 ? controllers.length === 0 : controllers.some((name) => options.includes(name)),
  );
}

/**
 * Lines of `key value`, as memory.events, memory.stat, cpu.stat and memory.oom_control have them; others are passed
 * over.
 */
export function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) ([0-9]+)$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, Number(value));
  }
  return values;
}
