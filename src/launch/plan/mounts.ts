import type { MountAttribute } from '../../linux/mount-flags.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap, Step } from '../launch-plan.ts';
import type { CgroupPlan } from '../limits/limits.ts';

const QUIET: readonly MountAttribute[] = ['nosuid', 'noexec', 'nodev'];

/** The settings that the kernel's file systems depend on. */
export interface MountsRequest {
  readonly idMap: IdMap | undefined;
  readonly ownNetwork: boolean;
  readonly cgroups: readonly CgroupPlan[];
  readonly ipc: 'private' | 'host';
  readonly pid: 'private' | 'host';
  /** Bytes, a multiple of 1024. */
  readonly shmSize: number;
  /** The container's mark; see `containerMark`. */
  readonly mark?: string | undefined;
  /** Whether nothing is hidden or read-only, and all devices are there. */
  readonly privileged: boolean;
  readonly unmask: boolean;
}

/**
 * The mark of a container: the source from which its /dev/pts is mounted. Each process in the container's mount
 * namespace, or in one made from it, has the mark in its mountinfo, so that all of them are found even when the first
 * one is gone. An ID is never used twice.
 */
export function containerMark(id: string): string {
  return `tsimg-${id}`;
}

/** The settings of a container without options. */
export const PLAIN_MOUNTS: MountsRequest = {
  idMap: undefined,
  ownNetwork: true,
  cgroups: [],
  ipc: 'private',
  pid: 'private',
  shmSize: 64 * 1024 ** 2,
  privileged: false,
  unmask: false,
};

/** The devices of a container: name, major, minor. docker's and podman's. */
const DEVICES: readonly (readonly [string, number, number])[] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];

const LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
];

/** Files that describe the host or reach its hardware: docker's list. `*` stands for the rest of a name. */
const MASKED: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/devices/system/cpu/cpu*/thermal_throttle',
];

/** Files that would change the host: docker's list. */
const READ_ONLY: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

function mount(
  type: string,
  target: string,
  attributes: readonly MountAttribute[],
  data = '',
): Extract<Step, { do: 'mount' }> {
  return { do: 'mount', type, target, attributes, data, strict: true };
}

function ownIpc(shmSize: number): readonly Step[] {
  return [
    { do: 'directory', target: '/dev/shm', mode: 0o1777 },
    mount('tmpfs', '/dev/shm', QUIET, `mode=1777,size=${shmSize / 1024}k`),
    { do: 'directory', target: '/dev/mqueue', mode: 0o755 },
    mount('mqueue', '/dev/mqueue', QUIET),
  ];
}

/** The host's shared memory and queues: with the host's IPC namespace, processes look for them there. */
function hostIpc(idMap: IdMap | undefined): readonly Step[] {
  const queues: readonly Step[] = [
    { do: 'directory', target: '/dev/mqueue', mode: 0o755 },
    mount('mqueue', '/dev/mqueue', QUIET),
  ];
  // An ordinary user may not mount the host namespace's queues.
  const shown = idMap === undefined ? queues : [];
  return [{ do: 'host-tree', source: '/dev/shm', target: '/dev/shm', attributes: QUIET }, ...shown];
}

/** Plans /dev: a tmpfs of the container's own with six devices, its own terminals, shared memory and message queues. */
function planDevices({ idMap, shmSize, ipc, mark }: MountsRequest): readonly Step[] {
  // Group 5 is tty by convention; the kernel refuses the mount where the map lacks that group.
  const tty = idMap === undefined || idMap.gids.some(({ inside, count }) => inside <= 5 && inside + count > 5);
  const terminals = `newinstance,ptmxmode=0666,mode=0620${tty ? ',gid=5' : ''}`;
  return [
    mount('tmpfs', '/dev', ['nosuid', 'strictatime'], 'mode=755,size=65536k'),
    ...DEVICES.map(
      ([name, major, minor]): Step => ({
        do: 'device',
        target: `/dev/${name}`,
        major,
        minor,
        make: idMap === undefined,
      }),
    ),
    { do: 'directory', target: '/dev/pts', mode: 0o755 },
    {
      ...mount('devpts', '/dev/pts', ['nosuid', 'noexec'], terminals),
      ...(mark === undefined ? {} : { source: mark }),
    },
    ...(ipc === 'host' ? hostIpc(idMap) : ownIpc(shmSize)),
    ...LINKS.map(([name, to]): Step => ({ do: 'link', target: `/dev/${name}`, to })),
  ];
}

/** Plans a read-only view of the container's cgroups: a file system for each hierarchy of version 1. */
function planLegacyCgroups(cgroups: readonly CgroupPlan[]): readonly Step[] {
  const names = cgroups.filter(({ version }) => version === 1).map(({ controllers }) => controllers.join(','));
  if (names.length === 0) return [];
  return [
    mount('tmpfs', '/sys/fs/cgroup', QUIET, 'mode=755,size=64k'),
    // A hierarchy without a controller is known by its name: systemd's is at /sys/fs/cgroup/systemd.
    ...names.map((name) => mount('cgroup', `/sys/fs/cgroup/${name.replace(/^name=/, '')}`, ['ro', ...QUIET], name)),
    { do: 'read-only', target: '/sys/fs/cgroup', mounted: true },
  ];
}

/**
 * Plans /sys, which shows the network namespace. An ordinary user cannot mount it for the host's namespace, so the
 * host's own is bound.
 */
function planSys(facts: HostFacts, { idMap, ownNetwork, privileged, cgroups }: MountsRequest): readonly Step[] {
  if (idMap !== undefined && !ownNetwork)
    return [{ do: 'host-tree', source: '/sys', target: '/sys', attributes: ['ro', ...QUIET] }];
  const attributes: readonly MountAttribute[] = privileged ? QUIET : ['ro', ...QUIET];
  const cgroup = mount('cgroup2', '/sys/fs/cgroup', attributes);
  return [mount('sysfs', '/sys', attributes), ...(facts.cgroup2 ? [cgroup] : planLegacyCgroups(cgroups))];
}

/**
 * Plans /proc, which shows the PID namespace. An ordinary user cannot mount it for the host's namespace, so the host's
 * own is bound.
 */
function planProc({ idMap, pid }: MountsRequest): Step {
  if (idMap === undefined || pid === 'private') return mount('proc', '/proc', QUIET);
  return { do: 'host-tree', source: '/proc', target: '/proc', attributes: QUIET };
}

/** Plans the kernel's file systems and /dev, with their hidden and read-only files, in order. */
export function planMounts(facts: HostFacts, request: MountsRequest): readonly Step[] {
  const open = request.privileged || request.unmask;
  const make = request.idMap === undefined;
  const devices: Step = { do: 'host-device', source: '/dev', target: '/dev', access: 'rwm', make };
  return [
    planProc(request),
    { do: 'cgroup-namespace' },
    ...planSys(facts, request),
    ...planDevices(request),
    ...(request.privileged ? [devices] : []),
    ...(open ? [] : MASKED.map((target): Step => ({ do: 'mask', target }))),
    ...(open ? [] : READ_ONLY.map((target): Step => ({ do: 'read-only', target }))),
  ];
}
