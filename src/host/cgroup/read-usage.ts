import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import { type CgroupPlan, processDirectory } from '../../launch/limits/limits.ts';
import { parseFlatKeyed } from '../../linux/cgroup.ts';
import {
  parseBlkio,
  parseCount,
  parseIoStat,
  parseNetworkDevices,
  parseProcessIo,
  parseProcessorTime,
  parseProcessStatus,
  parseTotalMemory,
  type Traffic,
} from '../../linux/usage.ts';

/** What a container uses, as far as this host tells the caller. */
export interface Usage {
  /** Seconds of processor time, since it began. */
  readonly processor?: number | undefined;
  /** Bytes, without what of files the kernel could drop at once. */
  readonly memory?: number | undefined;
  /** Bytes: its limit, or all that the host has. */
  readonly memoryLimit?: number | undefined;
  /** Processes and their threads. */
  readonly tasks?: number | undefined;
  readonly disk?: Traffic | undefined;
  readonly network?: Traffic | undefined;
}

/** '' for what is gone, or is not there on this host, or not for the caller. */
function read(...names: readonly string[]): string {
  try {
    return readFileSync(join(...names), 'latin1');
  } catch {
    return '';
  }
}

/** The cgroup's directory for a controller, and its version. */
function cgroupFor(plans: readonly CgroupPlan[], controller: string) {
  const plan = plans.find(({ controllers }) => controllers.includes(controller));
  return plan && { directory: processDirectory(plan), version: plan.version };
}

function processorTime(plans: readonly CgroupPlan[]): number | undefined {
  const legacy = parseCount(read(cgroupFor(plans, 'cpuacct')?.directory ?? '', 'cpuacct.usage'));
  if (legacy !== undefined) return legacy / 1e9;
  const micros = parseFlatKeyed(read(cgroupFor(plans, 'cpu')?.directory ?? '', 'cpu.stat')).get('usage_usec');
  return micros === undefined ? undefined : micros / 1e6;
}

function memoryOf(plans: readonly CgroupPlan[]): Pick<Usage, 'memory' | 'memoryLimit'> {
  const { directory = '', version } = cgroupFor(plans, 'memory') ?? {};
  const used = parseCount(read(directory, version === 1 ? 'memory.usage_in_bytes' : 'memory.current'));
  const idle = parseFlatKeyed(read(directory, 'memory.stat')).get(
    version === 1 ? 'total_inactive_file' : 'inactive_file',
  );
  const limit = parseCount(read(directory, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'));
  const memory = used === undefined ? undefined : Math.max(0, used - (idle ?? 0));
  return { memory, memoryLimit: limit };
}

function diskOf(plans: readonly CgroupPlan[]): Traffic | undefined {
  const legacy = cgroupFor(plans, 'blkio');
  if (legacy !== undefined) return parseBlkio(read(legacy.directory, 'blkio.throttle.io_service_bytes'));
  const unified = cgroupFor(plans, 'io');
  return unified && parseIoStat(read(unified.directory, 'io.stat'));
}

/** The processes of the PID namespace of a process. */
function processesBeside(pid: number): readonly string[] {
  const namespaceOf = (process: string) => {
    try {
      return readlinkSync(`/proc/${process}/ns/pid`);
    } catch {
      // Gone, or another's.
      return undefined;
    }
  };
  const own = namespaceOf(String(pid));
  if (own === undefined) return [];
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && namespaceOf(name) === own);
}

/** The sums over a container's processes: what can be told without cgroups. */
function sumOfProcesses(pid: number): Usage {
  let [processor, memory, tasks, bytesRead, written] = [0, 0, 0, 0, 0];
  for (const process of processesBeside(pid)) {
    processor += parseProcessorTime(read('/proc', process, 'stat'));
    const { threads, resident } = parseProcessStatus(read('/proc', process, 'status'));
    memory += resident;
    tasks += threads;
    const io = parseProcessIo(read('/proc', process, 'io'));
    bytesRead += io.read;
    written += io.written;
  }
  return { processor, memory, tasks, disk: { read: bytesRead, written } };
}

/**
 * What a container uses that runs this plan: as its cgroups count it; where it has none, as its processes do that are
 * there.
 * @param pid of its first process, as the host numbers it
 */
export function readUsage({ cgroups, namespaces, network }: LaunchPlan, pid: number): Usage {
  const total = parseTotalMemory(read('/proc/meminfo'));
  const { memory, memoryLimit = total } = memoryOf(cgroups);
  const counted: Usage = {
    processor: processorTime(cgroups),
    memory,
    tasks: parseCount(read(cgroupFor(cgroups, 'pids')?.directory ?? '', 'pids.current')),
    disk: diskOf(cgroups),
  };
  const known = Object.values(counted).every((value) => value !== undefined);
  // Among the host's processes, its own could not be told.
  const summed: Usage = known || !namespaces.includes('pid') ? {} : sumOfProcesses(pid);
  return {
    processor: counted.processor ?? summed.processor,
    memory: memory ?? summed.memory,
    memoryLimit: memoryLimit !== undefined && total !== undefined ? Math.min(memoryLimit, total) : memoryLimit,
    tasks: counted.tasks ?? summed.tasks,
    disk: counted.disk ?? summed.disk,
    // The host's network is not the container's doing.
    network: network.kind === 'host' ? undefined : parseNetworkDevices(read('/proc', String(pid), 'net/dev')),
  };
}
