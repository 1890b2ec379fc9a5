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

/** The resources that a container uses. A field is absent where this host does not tell the caller. */
export interface Usage {
  /** Seconds of processor time since the start. */
  readonly processor?: number | undefined;
  /** Bytes, without cached file content that the kernel could drop at once. */
  readonly memory?: number | undefined;
  /** Bytes: the container's limit, or the host's memory. */
  readonly memoryLimit?: number | undefined;
  /** Processes and their threads. */
  readonly tasks?: number | undefined;
  readonly disk?: Traffic | undefined;
  readonly network?: Traffic | undefined;
}

/** Reads a file; '' where it is missing or the caller may not read it. */
function read(...names: readonly string[]): string {
  try {
    return readFileSync(join(...names), 'latin1');
  } catch {
    return '';
  }
}

/** The directory and version of the cgroup with a controller. */
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

/** All processes in the PID namespace of a process. */
function processesBeside(pid: number): readonly string[] {
  const namespaceOf = (process: string) => {
    try {
      return readlinkSync(`/proc/${process}/ns/pid`);
    } catch {
      // The process has ended, or belongs to another user.
      return undefined;
    }
  };
  const own = namespaceOf(String(pid));
  if (own === undefined) return [];
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && namespaceOf(name) === own);
}

/** The usage as the sum over a container's processes, for hosts without usable cgroups. */
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
 * Reads the usage of a running container: from its cgroups, or, without these, from its processes.
 * @param pid host PID of its first process
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
  // Without a PID namespace of its own, the container's processes cannot be told from the host's.
  const summed: Usage = known || !namespaces.includes('pid') ? {} : sumOfProcesses(pid);
  return {
    processor: counted.processor ?? summed.processor,
    memory: memory ?? summed.memory,
    memoryLimit: memoryLimit !== undefined && total !== undefined ? Math.min(memoryLimit, total) : memoryLimit,
    tasks: counted.tasks ?? summed.tasks,
    disk: counted.disk ?? summed.disk,
    // With the host's network, the counters are the whole host's.
    network: network.kind === 'host' ? undefined : parseNetworkDevices(read('/proc', String(pid), 'net/dev')),
  };
}
