import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupFacts, LegacyHierarchy, UnifiedCgroup } from '../../launch/facts/cgroup-facts.ts';
import {
  type CgroupMembership,
  type CgroupMount,
  cgroupDirectory,
  membershipIn,
  parseCgroupMounts,
  parseMemberships,
} from '../../linux/cgroup.ts';

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Missing or not readable: then it cannot be used either.
    return '';
  }
}

function words(path: string): readonly string[] {
  return readIfThere(path)
    .split(/\s+/)
    .filter((word) => word !== '');
}

function mayWrite(...paths: readonly string[]): boolean {
  return paths.every((path) => {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function legacyHierarchy(mount: CgroupMount, memberships: readonly CgroupMembership[]): LegacyHierarchy | undefined {
  const membership = membershipIn(mount, memberships);
  const controllers = membership?.controllers ?? [];
  const directory = membership === undefined ? undefined : cgroupDirectory(mount, membership.path);
  if (directory === undefined || controllers.length === 0) return undefined;
  return { controllers, directory, writable: mayWrite(directory, join(directory, 'cgroup.procs')) };
}

/** The caller's own cgroup of version 2 and its parents, up to the mount. */
function unifiedCgroups(mount: CgroupMount, memberships: readonly CgroupMembership[]): readonly UnifiedCgroup[] {
  const membership = membershipIn(mount, memberships);
  let directory = membership === undefined ? undefined : cgroupDirectory(mount, membership.path);
  const places: UnifiedCgroup[] = [];
  while (directory !== undefined) {
    const file = (name: string) => join(directory ?? '', name);
    places.push({
      directory,
      writable: mayWrite(directory, file('cgroup.procs'), file('cgroup.subtree_control')),
      // The root cgroup alone has no type, and may have processes and children.
      occupied: existsSync(file('cgroup.type')) && readIfThere(file('cgroup.procs')) !== '',
      controllers: words(file('cgroup.controllers')),
    });
    directory = directory.length > mount.mountPoint.length ? dirname(directory) : undefined;
  }
  return places;
}

/** The cgroup mounts that this process sees: the last one of each hierarchy. */
function currentMounts(): readonly CgroupMount[] {
  const mounts = parseCgroupMounts(readIfThere('/proc/self/mountinfo'));
  const keys = (mount: CgroupMount) => (mount.version === 2 ? 'unified' : mount.options.toSorted().join(','));
  return [...new Map(mounts.map((mount) => [keys(mount), mount])).values()];
}

/** The inode of the first cgroup namespace. linux/proc_ns.h, PROC_CGROUP_INIT_INO. */
const FIRST_CGROUP_NAMESPACE = 0xefff_fffb;

function isInFirstNamespace(): boolean {
  try {
    return statSync('/proc/self/ns/cgroup').ino === FIRST_CGROUP_NAMESPACE;
  } catch {
    // The kernel has no cgroup namespaces.
    return true;
  }
}

/** The hierarchies of version 1 in which this process is in the root cgroup and cannot make a cgroup. */
function exposedIn(v1: readonly LegacyHierarchy[], memberships: readonly CgroupMembership[]): readonly string[] {
  if (!isInFirstNamespace()) return [];
  const usable = new Set(v1.filter(({ writable }) => writable).flatMap(({ controllers }) => controllers));
  const tops = memberships.filter(({ path, controllers }) => path === '/' && controllers.length > 0);
  return tops
    .filter(({ controllers }) => !controllers.some((name) => usable.has(name)))
    .map(({ controllers }) => controllers.join(','));
}

/** Finds the cgroup hierarchies of this host, and the cgroups that the caller may use. */
export function probeCgroups(): CgroupFacts {
  const memberships = parseMemberships(readIfThere('/proc/self/cgroup'));
  const mounts = currentMounts();
  const v1 = mounts
    .filter(({ version }) => version === 1)
    .map((mount) => legacyHierarchy(mount, memberships))
    .filter((hierarchy) => hierarchy !== undefined);
  return {
    v1,
    exposed: exposedIn(v1, memberships),
    v2: mounts.filter(({ version }) => version === 2).flatMap((mount) => unifiedCgroups(mount, memberships)),
  };
}

/** The directories of a process's cgroups: in version 1 by the controllers' names, in version 2 as `unified`. */
export function cgroupsOf(pid: number): ReadonlyMap<string, string> {
  const memberships = parseMemberships(readIfThere(`/proc/${pid}/cgroup`));
  const found = new Map<string, string>();
  for (const mount of currentMounts()) {
    const membership = membershipIn(mount, memberships);
    const directory = membership === undefined ? undefined : cgroupDirectory(mount, membership.path);
    if (directory === undefined) continue;
    for (const name of mount.version === 2 ? ['unified'] : (membership?.controllers ?? [])) found.set(name, directory);
  }
  return found;
}
