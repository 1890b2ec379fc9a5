import { TsimgError } from '../errors.ts';
import type { CgroupFacts, LegacyHierarchy, UnifiedCgroup } from './cgroup-facts.ts';
import {
  DEFAULT_PIDS_LIMIT,
  type LimitFile,
  parseLimits,
  pidsLimit,
  type ResourceLimit,
  type ResourceRequest,
} from './resources.ts';

/** A file of a cgroup, and the option that asked for it. */
export interface PlannedLimit extends LimitFile {
  readonly option: string;
}

/** One cgroup that is made for a container: `BASE/tsimg/ID`. */
export interface CgroupPlan {
  readonly version: 1 | 2;
  /** Of version 1, those of the hierarchy: its name below /sys/fs/cgroup. Of version 2, those that children are given. */
  readonly controllers: readonly string[];
  /** The cgroup below which it is made: the caller's own, or of version 2 one around it. */
  readonly base: string;
  readonly id: string;
  /** Files that must be copied downwards from the cgroup above, since they start out empty. cpuset of version 1. */
  readonly inherit: readonly string[];
  readonly limits: readonly PlannedLimit[];
  /** Whether the launch fails without it; else it is passed over in silence. */
  readonly required: boolean;
}

/** The folder of ours in which each container has its cgroup. */
export const CGROUP_FOLDER = 'tsimg';

/** What `tsimg stats` reads, and what stops a fork bomb: made where the host lets us, limits or not. */
const WANTED: readonly string[] = ['memory', 'cpu', 'cpuacct', 'pids'];

const LEGACY_NAMES: Readonly<Record<ResourceLimit['controller'], string>> = {
  memory: 'memory',
  cpu: 'cpu',
  cpuset: 'cpuset',
  pids: 'pids',
  io: 'blkio',
};

function unsupported(limit: ResourceLimit, why: string, hint: string): TsimgError {
  return new TsimgError('HOST_UNSUPPORTED', 'a limit cannot be set', {
    where: limit.option,
    why,
    hint,
    facts: { controller: limit.controller },
  });
}

const NO_DELEGATION = 'no cgroup is delegated to you';
const DELEGATE = 'run it below systemd-run --user --scope -p Delegate=yes, as root, or without the limit';

function flatten(limits: readonly ResourceLimit[], version: 'v1' | 'v2'): readonly PlannedLimit[] {
  return limits.flatMap((limit) => limit[version].map((each) => ({ ...each, option: limit.option })));
}

interface Wishes {
  readonly explicit: readonly ResourceLimit[];
  /** Set where it can be. */
  readonly defaults: readonly ResourceLimit[];
  readonly id: string;
}

function planLegacy(hierarchy: LegacyHierarchy, { explicit, defaults, id }: Wishes): readonly CgroupPlan[] {
  const { controllers, directory, writable } = hierarchy;
  const mine = (limit: ResourceLimit) => controllers.includes(LEGACY_NAMES[limit.controller]);
  const wished = explicit.filter(mine);
  const [first] = wished;
  if (!writable) {
    if (first !== undefined) throw unsupported(first, NO_DELEGATION, 'run it as root, or without the limit');
    return [];
  }
  if (first === undefined && !controllers.some((name) => WANTED.includes(name))) return [];
  return [
    {
      version: 1,
      controllers,
      base: directory,
      id,
      inherit: controllers.includes('cpuset') ? ['cpuset.cpus', 'cpuset.mems'] : [],
      limits: flatten([...wished, ...defaults.filter(mine)], 'v1'),
      required: first !== undefined,
    },
  ];
}

/** The nearest cgroup around the caller below which one with these controllers can be made. */
function chooseUnified(places: readonly UnifiedCgroup[], needed: readonly string[]): UnifiedCgroup | undefined {
  return places.find(
    ({ writable, occupied, controllers }) =>
      writable && !occupied && needed.every((controller) => controllers.includes(controller)),
  );
}

function planUnified(places: readonly UnifiedCgroup[], { explicit, defaults, id }: Wishes): readonly CgroupPlan[] {
  const needed = explicit.map(({ controller }) => controller);
  const place =
    chooseUnified(places, needed.length > 0 ? needed : ['pids']) ??
    (needed.length > 0 ? undefined : chooseUnified(places, []));
  if (place === undefined) {
    const [first] = explicit;
    if (first === undefined) return [];
    if (chooseUnified(places, []) === undefined) throw unsupported(first, NO_DELEGATION, DELEGATE);
    const missing = explicit.find(({ controller }) => chooseUnified(places, [controller]) === undefined) ?? first;
    throw unsupported(
      missing,
      `the controller ${missing.controller} is not delegated to you`,
      'delegate it (Delegate= in user@.service), run it as root, or without the limit',
    );
  }
  const given = place.controllers.filter((name) => WANTED.includes(name) || needed.some((each) => each === name));
  if (given.length === 0) return [];
  const limits = [...explicit, ...defaults.filter(({ controller }) => given.includes(controller))];
  return [
    {
      version: 2,
      controllers: given,
      base: place.directory,
      id,
      inherit: [],
      limits: flatten(limits, 'v2'),
      required: explicit.length > 0,
    },
  ];
}

/**
 * The cgroups of a container, on hosts of either version and of both. Without a limit of the request's, they hold
 * `DEFAULT_PIDS_LIMIT` where the caller may set it, and nothing where not; a limit that was asked for is set or refused.
 * @throws USAGE for a limit that is none; HOST_UNSUPPORTED, with cause and remedy, for one that cannot be had
 */
export function planLimits(request: ResourceRequest, facts: CgroupFacts, id: string): readonly CgroupPlan[] {
  const all = parseLimits(request);
  const unlimited = all.filter((limit) => limit.option === '--pids-limit' && limit.v2[0]?.choices[0]?.value === 'max');
  // Asking for no limit is nothing that a host could refuse.
  const wishes = all.filter((limit) => !unlimited.includes(limit));
  const defaults = request.pidsLimit === undefined ? [pidsLimit(DEFAULT_PIDS_LIMIT)] : [];
  const legacy = new Set(facts.v1.flatMap(({ controllers }) => controllers));
  const isLegacy = ({ controller }: ResourceLimit) => legacy.has(LEGACY_NAMES[controller]);
  const unified = wishes.filter((limit) => !isLegacy(limit));
  const known = new Set(facts.v2.flatMap(({ controllers }) => controllers));
  const unknown = unified.find(({ controller }) => !known.has(controller));
  if (unknown !== undefined) {
    const hint = 'mount cgroups with this controller, or run it without the limit';
    throw unsupported(unknown, `this host has no ${unknown.controller} controller`, hint);
  }
  return [
    ...facts.v1.flatMap((hierarchy) => planLegacy(hierarchy, { explicit: wishes.filter(isLegacy), defaults, id })),
    ...(facts.v2.length === 0
      ? []
      : planUnified(facts.v2, { explicit: unified, defaults: defaults.filter((limit) => !isLegacy(limit)), id })),
  ];
}
