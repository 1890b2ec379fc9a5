import { TsimgError } from '../../errors.ts';
import type { IdExtent, IdRange } from '../../linux/ids.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap } from '../launch-plan.ts';

/** The kernel takes at most 340 lines a map. user_namespaces(7). */
const MAX_EXTENTS = 340;

/**
 * A container's user namespace, in podman's words. For ordinary users `host` and `auto` are the same: they need one.
 */
export type UserNamespaceMode = 'host' | 'auto' | 'keep-id';

/**
 * A range that holds the caller, or root, would give away what the map must not: newuidmap refuses some of these too.
 */
function usable(caller: number, ranges: readonly IdRange[]): readonly IdRange[] {
  return ranges
    .filter(({ start, count }) => start !== 0 && (caller < start || caller >= start + count))
    .slice(0, MAX_EXTENTS - 2);
}

/** 0 is the caller, 1 and on are its subordinate IDs, range after range. */
function extents(caller: number, ranges: readonly IdRange[]): readonly IdExtent[] {
  const result: IdExtent[] = [{ inside: 0, outside: caller, count: 1 }];
  let inside = 1;
  for (const { start, count } of usable(caller, ranges)) {
    result.push({ inside, outside: start, count });
    inside += count;
  }
  return result;
}

/** The caller is itself; its subordinate IDs, range after range, are all others from 0 on. */
function keptExtents(caller: number, ranges: readonly IdRange[]): readonly IdExtent[] {
  const result: IdExtent[] = [{ inside: caller, outside: caller, count: 1 }];
  let inside = 0;
  for (const { start, count } of usable(caller, ranges)) {
    const below = inside < caller ? Math.min(count, caller - inside) : 0;
    if (below > 0) result.push({ inside, outside: start, count: below });
    inside += below;
    if (inside === caller) inside += 1;
    if (count > below) result.push({ inside, outside: start + below, count: count - below });
    inside += count - below;
  }
  return result;
}

function unsupported(mode: UserNamespaceMode, why: string, hint: string): TsimgError {
  return new TsimgError('HOST_UNSUPPORTED', 'the user namespace is not available on this host', {
    where: `--userns ${mode}`,
    why,
    hint,
  });
}

function planKeptIds(facts: HostFacts): IdMap {
  const { uid, gid, subordinateUids, subordinateGids } = facts;
  const reason = singleIdReason(facts, planIdMap(facts));
  if (reason !== undefined) {
    const [why = ''] = reason.split(':');
    const hint =
      'install newuidmap, and ask root for: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER';
    throw unsupported('keep-id', why, hint);
  }
  return {
    uids: keptExtents(uid, subordinateUids),
    gids: keptExtents(gid, subordinateGids),
    by: 'newuidmap',
    ...(uid === 0 ? {} : { caller: { uid, gid } }),
  };
}

/** Root of the container is the first of root's own subordinate IDs: nobody on the host. */
function planRootsMap({ subordinateUids, subordinateGids }: HostFacts): IdMap {
  const [uids] = usable(0, subordinateUids);
  const [gids] = usable(0, subordinateGids);
  if (uids === undefined || gids === undefined) {
    throw unsupported(
      'auto',
      'neither root nor “containers” has subordinate IDs in /etc/subuid and /etc/subgid',
      'usermod --add-subuids 1000000000-1000065535 --add-subgids 1000000000-1000065535 root',
    );
  }
  const extent = ({ start, count }: IdRange): IdExtent => ({ inside: 0, outside: start, count });
  return { uids: [extent(uids)], gids: [extent(gids)], by: 'root' };
}

/** The map of a container's user namespace; undefined where it has none. @throws USAGE, HOST_UNSUPPORTED */
export function planUserNamespace(facts: HostFacts, mode: UserNamespaceMode = 'host'): IdMap | undefined {
  if (!facts.canMount) return mode === 'keep-id' ? planKeptIds(facts) : planIdMap(facts);
  if (mode === 'host') return undefined;
  if (mode === 'auto') return planRootsMap(facts);
  throw new TsimgError('USAGE', 'keep-id is for ordinary users', { where: '--userns keep-id', hint: '--userns auto' });
}

/**
 * The map by which a container's files are stored and changed from outside; undefined where they have the image's own
 * IDs.
 */
export function storedMap(idMap: IdMap | undefined): IdMap | undefined {
  return idMap?.by === 'root' ? undefined : idMap;
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
  if (map.by !== 'single') return undefined;
  const missing = facts.tools.newuidmap === undefined || facts.tools.newgidmap === undefined;
  if (!missing && facts.noNewPrivileges) {
    return 'newuidmap cannot work below no_new_privs (a sandbox): the container knows a single user, root';
  }
  return missing
    ? 'newuidmap is not installed (Debian package uidmap): the container knows a single user, root'
    : 'no subordinate IDs in /etc/subuid and /etc/subgid: the container knows a single user, root';
}
