import { TsimgError } from '../../errors.ts';
import type { IdExtent, IdRange } from '../../linux/ids.ts';
import type { Refusal } from '../facts/host-conditions.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap } from '../launch-plan.ts';

/** The kernel's limit on lines of a map. user_namespaces(7). */
const MAX_EXTENTS = 340;

/**
 * A container's user namespace, in podman's words. Ordinary users need one: for them `host` and `auto` are the same.
 */
export type UserNamespaceMode = 'host' | 'auto' | 'keep-id';

/**
 * The ranges that may be mapped. One that contains the caller or root would give away their IDs; newuidmap refuses some
 * of these too.
 */
function usable(caller: number, ranges: readonly IdRange[]): readonly IdRange[] {
  return ranges
    .filter(({ start, count }) => start !== 0 && (caller < start || caller >= start + count))
    .slice(0, MAX_EXTENTS - 2);
}

/** Maps 0 to the caller, and 1, 2, … to its subordinate IDs, range after range. */
function extents(caller: number, ranges: readonly IdRange[]): readonly IdExtent[] {
  const result: IdExtent[] = [{ inside: 0, outside: caller, count: 1 }];
  let inside = 1;
  for (const { start, count } of usable(caller, ranges)) {
    result.push({ inside, outside: start, count });
    inside += count;
  }
  return result;
}

/** Maps the caller to itself, and all other IDs from 0 on to its subordinate IDs, range after range. */
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
  if (planIdMap(facts).by === 'single') {
    const { cause, remedy } = singleIdRefusal(facts);
    throw unsupported('keep-id', cause, remedy);
  }
  return {
    uids: keptExtents(uid, subordinateUids),
    gids: keptExtents(gid, subordinateGids),
    by: 'newuidmap',
    ...(uid === 0 ? {} : { caller: { uid, gid } }),
  };
}

/** Maps root of the container to the first of root's subordinate IDs, which has no rights on the host. */
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

/** Plans the map of a container's user namespace; undefined where it has none. @throws USAGE, HOST_UNSUPPORTED */
export function planUserNamespace(facts: HostFacts, mode: UserNamespaceMode = 'host'): IdMap | undefined {
  if (!facts.canMount) return mode === 'keep-id' ? planKeptIds(facts) : planIdMap(facts);
  if (mode === 'host') return undefined;
  if (mode === 'auto') return planRootsMap(facts);
  throw new TsimgError('USAGE', 'keep-id is for ordinary users', { where: '--userns keep-id', hint: '--userns auto' });
}

/** Returns the map by which a container's files are stored on disk; undefined where they have the image's own IDs. */
export function storedMap(idMap: IdMap | undefined): IdMap | undefined {
  return idMap?.by === 'root' ? undefined : idMap;
}

/** Plans the map of an ordinary user: all subordinate IDs where there are some, else the caller alone, as root. */
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

/** Why a container of this caller has a single ID, and what gives it more. */
function singleIdRefusal({ tools, noNewPrivileges }: HostFacts): Refusal {
  const remedy =
    'install newuidmap, and ask root for: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER';
  if (tools.newuidmap === undefined || tools.newgidmap === undefined)
    return { cause: 'newuidmap is not installed (Debian package uidmap)', remedy };
  if (!noNewPrivileges) return { cause: 'no subordinate IDs in /etc/subuid and /etc/subgid', remedy };
  return {
    cause: 'newuidmap cannot work below no_new_privs (a sandbox)',
    remedy: 'run it outside of the sandbox, or leave out --userns keep-id',
  };
}

/** Explains a map with a single ID, for a warning; undefined for other maps. */
export function singleIdReason(facts: HostFacts, map: IdMap): string | undefined {
  if (map.by !== 'single') return undefined;
  return `${singleIdRefusal(facts).cause}: the container knows a single user, root`;
}
