import type { IdExtent, IdRange } from '../linux/ids.ts';
import type { HostFacts } from './host-facts.ts';
import type { IdMap } from './plan.ts';

/** The kernel takes at most 340 lines a map. user_namespaces(7). */
const MAX_EXTENTS = 340;

/** 0 is the caller, 1 and on are its subordinate IDs, range after range. */
function extents(caller: number, ranges: readonly IdRange[]): readonly IdExtent[] {
  const result: IdExtent[] = [{ inside: 0, outside: caller, count: 1 }];
  let inside = 1;
  for (const { start, count } of ranges.slice(0, MAX_EXTENTS - 1)) {
    // A range that holds the caller, or root, would give away what the map must not: newuidmap refuses some of these too.
    if (start === 0 || (caller >= start && caller < start + count)) continue;
    result.push({ inside, outside: start, count });
    inside += count;
  }
  return result;
}

/** The one map of a user without privileges: all subordinate IDs where there are any, else the caller alone as root. */
export function planIdMap(facts: HostFacts): IdMap {
  const { uid, gid, subordinateUids, subordinateGids, tools } = facts;
  const missing = subordinateUids.length === 0 || subordinateGids.length === 0 || !tools.newuidmap || !tools.newgidmap;
  const single = missing || facts.noNewPrivileges === true;
  return {
    uids: extents(uid, single ? [] : subordinateUids),
    gids: extents(gid, single ? [] : subordinateGids),
    by: single ? 'single' : 'newuidmap',
  };
}

/** Why there is only a single ID, for a warning; undefined where there are several. */
export function singleIdReason(facts: HostFacts, map: IdMap): string | undefined {
  if (map.by === 'newuidmap') return undefined;
  const missing = facts.tools.newuidmap === undefined || facts.tools.newgidmap === undefined;
  if (!missing && facts.noNewPrivileges) {
    return 'newuidmap cannot work below no_new_privs (a sandbox): the container knows a single user, root';
  }
  return missing
    ? 'newuidmap is not installed (Debian package uidmap): the container knows a single user, root'
    : 'no subordinate IDs in /etc/subuid and /etc/subgid: the container knows a single user, root';
}
