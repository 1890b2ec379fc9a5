import { TsimgError } from '../../errors.ts';
import type { CgroupFacts, LegacyHierarchy, UnifiedCgroup } from '../facts/cgroup-facts.ts';
import { type DeviceList, refuseWithoutList } from './device-list.ts';
import {
  DEFAULT_PIDS_LIMIT,
  type LimitFile,
  parseLimits,
  pidsLimit,
  type ResourceLimit,
  type ResourceRequest,
} from './resources.ts';

/** A file of a cgroup that is written, with the option that asked for it. */
export interface PlannedLimit extends LimitFile {
  readonly option: string;
  /** Whether it is a default, which the request does not name. */
  readonly byDefault?: true | undefined;
}

/** One cgroup for a container: `BASE/tsimg/ID`. A cgroup that holds the list of devices has two more inside. */
export interface CgroupPlan {
  readonly version: 1 | 2;
  /**
   * Of version 1: the hierarchy's controllers, which are its name below /sys/fs/cgroup, or `name=systemd` where it has
   * none. Of version 2: those that are given to children.
   */
  readonly controllers: readonly string[];
  /** The cgroup below which it is made: the caller's own, or of version 2 one above it. */
  readonly base: string;
  readonly id: string;
  /** Files that must be copied from the cgroup above, since they are empty at first: cpuset of version 1. */
  readonly inherit: readonly string[];
  readonly limits: readonly PlannedLimit[];
  /**
   * The list of devices. It holds for the cgroups inside too, so a container cannot change it from its own cgroup.
   */
  readonly devices?: DeviceList | undefined;
  /** Whether the launch fails without this cgroup; else a failure is ignored. */
  readonly required: boolean;
}

/** The cgroup that holds those of all containers. */
export const CGROUP_FOLDER = 'tsimg';

/** The directory of a cgroup, which holds the list of devices. */
export function cgroupDirectory({ base, id }: CgroupPlan): string {
  return `${base}/${CGROUP_FOLDER}/${id}`;
}

/**
 * The directory of the cgroup that the container's processes are in, and that they see as the root cgroup. With a list
 * of devices it is one level down: a process with SYS_ADMIN can change its own cgroup, but not the one above.
 */
export function processDirectory(plan: CgroupPlan): string {
  return plan.devices === undefined ? cgroupDirectory(plan) : `${cgroupDirectory(plan)}/container`;
}

/**
 * The directory of the cgroup in which the stub of an `exec` waits: below the list of devices, without the container's
 * limits. It exists only with a list.
 */
export function enteringDirectory(plan: CgroupPlan): string | undefined {
  return plan.devices === undefined ? undefined : `${cgroupDirectory(plan)}/entering`;
}

/**
 * Controllers that `tsimg stats` reads, and the one that stops a fork bomb. Of version 2, they are given to children
 * where the host permits it, with or without limits.
 */
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

function refuseExposed(option: string, hierarchy: string): TsimgError {
  return new TsimgError('HOST_UNSUPPORTED', 'the container cannot be kept out of the host’s own cgroups', {
    where: option,
    why: `the hierarchy ${hierarchy} is not writable here, and its release_agent runs programs on the host`,
    hint: `mount it (mount -t cgroup -o ${hierarchy} cgroup DIRECTORY), use --userns auto, or say --privileged`,
  });
}

function flatten(limits: readonly ResourceLimit[], version: 'v1' | 'v2'): readonly PlannedLimit[] {
  return limits.flatMap((limit) => limit[version].map((each) => ({ ...each, option: limit.option })));
}

function flattenDefaults(limits: readonly ResourceLimit[], version: 'v1' | 'v2'): readonly PlannedLimit[] {
  return flatten(limits, version).map((limit) => ({ ...limit, byDefault: true }));
}

interface Wishes {
  readonly explicit: readonly ResourceLimit[];
  /** Limits that are set only where the host permits it. */
  readonly defaults: readonly ResourceLimit[];
  readonly id: string;
  /** The list of devices, for the one hierarchy that holds it. */
  readonly devices?: DeviceList | undefined;
  /** Whether a container must not start without this cgroup. */
  readonly apart: boolean;
  readonly joinAll: boolean;
}

/** A container, and the isolation by its cgroups besides limits. */
export interface LimitedContainer {
  readonly id: string;
  readonly devices?: DeviceList | undefined;
  /** The option that forbids a root cgroup of version 1 to the container. */
  readonly apartBy?: string | undefined;
  /**
   * Whether a cgroup of version 2 is made also where it gets no controller and no list. Not for ordinary users: from
   * another session, they could not enter it.
   */
  readonly joinAll?: boolean | undefined;
}

/**
 * Plans a cgroup in a hierarchy of version 1, also without a limit: in the hierarchy's root cgroup, a process that may
 * mount would reach the host's `release_agent`. None where the caller may make none. cgroups(7), CVE-2022-0492.
 * @throws HOST_UNSUPPORTED for a limit in a hierarchy where the caller may make none
 */
function planLegacy(hierarchy: LegacyHierarchy, wishes: Wishes): readonly CgroupPlan[] {
  const { explicit, defaults, id, devices, apart } = wishes;
  const { controllers, directory, writable } = hierarchy;
  const mine = (limit: ResourceLimit) => controllers.includes(LEGACY_NAMES[limit.controller]);
  const wished = explicit.filter(mine);
  const [first] = wished;
  if (!writable) {
    if (first !== undefined) throw unsupported(first, NO_DELEGATION, 'run it as root, or without the limit');
    return [];
  }
  return [
    {
      version: 1,
      controllers,
      base: directory,
      id,
      inherit: controllers.includes('cpuset') ? ['cpuset.cpus', 'cpuset.mems'] : [],
      limits: [...flatten(wished, 'v1'), ...flattenDefaults(defaults.filter(mine), 'v1')],
      ...(devices !== undefined && { devices }),
      required: first !== undefined || apart || devices?.neededBy !== undefined,
    },
  ];
}

function isBare({ writable, controllers }: UnifiedCgroup): boolean {
  return writable && controllers.length === 0;
}

/** Finds the nearest cgroup, from the caller's upwards, in which a child with these controllers can be made. */
function chooseUnified(places: readonly UnifiedCgroup[], needed: readonly string[]): UnifiedCgroup | undefined {
  return places.find(
    ({ writable, occupied, controllers }) =>
      writable && !occupied && needed.every((controller) => controllers.includes(controller)),
  );
}

function planUnified(places: readonly UnifiedCgroup[], wishes: Wishes): readonly CgroupPlan[] {
  const { explicit, defaults, id, devices, joinAll } = wishes;
  const needed = explicit.map(({ controller }) => controller);
  // Without any controllers, a cgroup that has processes can have children too.
  const place =
    chooseUnified(places, needed.length > 0 ? needed : ['pids']) ??
    (needed.length > 0 ? undefined : (chooseUnified(places, []) ?? places.find(isBare)));
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
  if (given.length === 0 && devices === undefined && !joinAll) return [];
  const givenDefaults = defaults.filter(({ controller }) => given.includes(controller));
  return [
    {
      version: 2,
      controllers: given,
      base: place.directory,
      id,
      inherit: [],
      limits: [...flatten(explicit, 'v2'), ...flattenDefaults(givenDefaults, 'v2')],
      ...(devices !== undefined && { devices }),
      required: explicit.length > 0 || devices?.neededBy !== undefined,
    },
  ];
}

/**
 * Plans the cgroups of a container, on hosts of either version and of both. Without limits in the request,
 * `DEFAULT_PIDS_LIMIT` is set where the caller may set it. A requested limit is set or refused.
 * @throws USAGE for an invalid limit; HOST_UNSUPPORTED, with cause and remedy, for one that the host cannot set
 */
export function planLimits(
  request: ResourceRequest,
  facts: CgroupFacts,
  { id, devices, apartBy, joinAll = false }: LimitedContainer,
): readonly CgroupPlan[] {
  const [exposed] = facts.exposed ?? [];
  if (apartBy !== undefined && exposed !== undefined) throw refuseExposed(apartBy, exposed);
  const all = parseLimits(request);
  const unlimited = all.filter((limit) => limit.option === '--pids-limit' && limit.v2[0]?.choices[0]?.value === 'max');
  // A request for no limit can be granted by every host.
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
  const holder = facts.v1.find(({ controllers, writable }) => writable && controllers.includes('devices'));
  const apart = apartBy !== undefined;
  const common = { id, apart, joinAll };
  const others = defaults.filter((limit) => !isLegacy(limit));
  const unifiedDevices = holder === undefined ? devices : undefined;
  const plans = [
    ...facts.v1.flatMap((hierarchy) =>
      planLegacy(hierarchy, {
        ...common,
        explicit: wishes.filter(isLegacy),
        defaults,
        devices: hierarchy === holder ? devices : undefined,
      }),
    ),
    ...(facts.v2.length === 0
      ? []
      : planUnified(facts.v2, { ...common, explicit: unified, defaults: others, devices: unifiedDevices })),
  ];
  if (devices?.neededBy !== undefined && !plans.some((plan) => plan.devices !== undefined)) {
    throw refuseWithoutList(devices.neededBy, 'no cgroup that has one can be made here');
  }
  return plans;
}
