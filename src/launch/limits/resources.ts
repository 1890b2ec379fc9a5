import { parseByteSize } from '../../byte-size.ts';
import { TsimgError } from '../../errors.ts';

/** The limits in a request, in the spelling of docker's options. */
export interface ResourceRequest {
  /** `-m`: bytes, or with a unit: `512m`, `1.5g`. */
  readonly memory?: string | undefined;
  /** Memory and swap together; -1 is no limit on swap. */
  readonly memorySwap?: string | undefined;
  /** Memory that the container keeps when the host runs short. */
  readonly memoryReservation?: string | undefined;
  /** A number of processors: `0.5`. */
  readonly cpus?: string | undefined;
  /** 2 to 262144; 1024 is an equal share. */
  readonly cpuShares?: string | undefined;
  /** `0-3,7` */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  /** Processes and threads; -1 and 0 are no limit. */
  readonly pidsLimit?: string | undefined;
  /** 10 to 1000 */
  readonly blkioWeight?: string | undefined;
  /** `DEVICE:RATE`, bytes or operations a second. */
  readonly deviceReadBps?: readonly string[] | undefined;
  readonly deviceWriteBps?: readonly string[] | undefined;
  readonly deviceReadIops?: readonly string[] | undefined;
  readonly deviceWriteIops?: readonly string[] | undefined;
}

/** A file of a cgroup: the first of these names that the kernel has is written. */
export interface LimitFile {
  readonly choices: readonly { readonly name: string; readonly value: string }[];
  /** A block device, whose number is written before the value. */
  readonly device?: string | undefined;
  /** Whether it is left out where the kernel lacks it: a default, not a request. */
  readonly optional?: true | undefined;
}

/** The files of one option, in both versions of cgroups. */
export interface ResourceLimit {
  readonly option: string;
  readonly controller: 'memory' | 'cpu' | 'cpuset' | 'pids' | 'io';
  readonly v1: readonly LimitFile[];
  readonly v2: readonly LimitFile[];
}

function refuse(option: string, text: string, hint: string): TsimgError {
  return new TsimgError('USAGE', 'not a limit', { where: `${option} ${text}`, hint });
}

/** Parses the size of a limit to bytes, at least 1. @throws USAGE */
export function parseBytes(text: string, option: string): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw refuse(option, text, 'bytes, with b, k, m, g or t after the number');
}

function parseWhole(text: string, option: string, [least, most]: readonly [least: number, most: number]): number {
  const value = /^-?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw refuse(option, text, `a whole number from ${least} to ${most}`);
}

function file(name: string, value: string | number, optional?: true): LimitFile {
  return { choices: [{ name, value: String(value) }], ...(optional === undefined ? {} : { optional }) };
}

/** With less memory no program starts: the kernel kills it while it is loaded. */
const LEAST_MEMORY = 512 * 1024;

/** docker's rule: as much swap as memory, unless `--memory-swap` gives the sum of both. */
function memoryLimits({ memory, memorySwap, memoryReservation }: ResourceRequest): readonly ResourceLimit[] {
  const bytes = memory === undefined ? undefined : parseBytes(memory, '--memory');
  if (bytes !== undefined && bytes < LEAST_MEMORY) throw refuse('--memory', memory ?? '', 'at least 512k');
  const limits: ResourceLimit[] = [];
  if (memorySwap !== undefined && bytes === undefined) throw refuse('--memory-swap', memorySwap, 'say --memory too');
  if (bytes !== undefined) {
    const both =
      memorySwap === undefined ? bytes * 2 : memorySwap === '-1' ? -1 : parseBytes(memorySwap, '--memory-swap');
    if (both !== -1 && both < bytes) {
      throw refuse('--memory-swap', memorySwap ?? '', 'memory and swap together: not less than --memory');
    }
    // A kernel without swap accounting limits memory alone, which is enough unless the request names swap.
    const optional = memorySwap === undefined ? true : undefined;
    const swap = both === -1 ? 'max' : both - bytes;
    limits.push({
      option: '--memory',
      controller: 'memory',
      v1: [file('memory.limit_in_bytes', bytes), file('memory.memsw.limit_in_bytes', both, optional)],
      v2: [file('memory.max', bytes), file('memory.swap.max', swap, optional)],
    });
  }
  if (memoryReservation !== undefined) {
    const low = parseBytes(memoryReservation, '--memory-reservation');
    if (bytes !== undefined && low > bytes) {
      throw refuse('--memory-reservation', memoryReservation, 'not more than --memory');
    }
    limits.push({
      option: '--memory-reservation',
      controller: 'memory',
      v1: [file('memory.soft_limit_in_bytes', low)],
      v2: [file('memory.low', low)],
    });
  }
  return limits;
}

/** Microseconds of a period of processor time: docker's and the kernel's default. */
const CPU_PERIOD = 100_000;

/** Converts shares (2…262144) to a weight (1…10000), as OCI runtimes do. */
function weightOfShares(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

function cpuLimits({ cpus, cpuShares, cpusetCpus, cpusetMems }: ResourceRequest): readonly ResourceLimit[] {
  const limits: ResourceLimit[] = [];
  if (cpus !== undefined) {
    const quota = /^[0-9]{1,5}(\.[0-9]{1,9})?$/.test(cpus) ? Math.round(Number(cpus) * CPU_PERIOD) : 0;
    if (quota < 1000) throw refuse('--cpus', cpus, 'a number of processors, at least 0.01');
    limits.push({
      option: '--cpus',
      controller: 'cpu',
      v1: [file('cpu.cfs_period_us', CPU_PERIOD), file('cpu.cfs_quota_us', quota)],
      v2: [file('cpu.max', `${quota} ${CPU_PERIOD}`)],
    });
  }
  if (cpuShares !== undefined && cpuShares !== '0') {
    const shares = parseWhole(cpuShares, '--cpu-shares', [2, 262_144]);
    limits.push({
      option: '--cpu-shares',
      controller: 'cpu',
      v1: [file('cpu.shares', shares)],
      v2: [file('cpu.weight', weightOfShares(shares))],
    });
  }
  const sets = [
    ['--cpuset-cpus', 'cpuset.cpus', cpusetCpus],
    ['--cpuset-mems', 'cpuset.mems', cpusetMems],
  ] as const;
  for (const [option, name, value] of sets) {
    if (value === undefined) continue;
    if (!/^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$/.test(value)) {
      throw refuse(option, value, 'numbers and ranges, such as 0-3,7');
    }
    limits.push({ option, controller: 'cpuset', v1: [file(name, value)], v2: [file(name, value)] });
  }
  return limits;
}

function ioLimits(request: ResourceRequest): readonly ResourceLimit[] {
  const limits: ResourceLimit[] = [];
  if (request.blkioWeight !== undefined && request.blkioWeight !== '0') {
    const weight = parseWhole(request.blkioWeight, '--blkio-weight', [10, 1000]);
    const value = String(weight);
    const spread = String(1 + Math.floor(((weight - 10) * 9999) / 990));
    limits.push({
      option: '--blkio-weight',
      controller: 'io',
      v1: [
        {
          choices: [
            { name: 'blkio.weight', value },
            { name: 'blkio.bfq.weight', value },
          ],
        },
      ],
      v2: [
        {
          choices: [
            { name: 'io.bfq.weight', value },
            { name: 'io.weight', value: spread },
          ],
        },
      ],
    });
  }
  const throttles = [
    ['--device-read-bps', request.deviceReadBps, 'blkio.throttle.read_bps_device', 'rbps', true],
    ['--device-write-bps', request.deviceWriteBps, 'blkio.throttle.write_bps_device', 'wbps', true],
    ['--device-read-iops', request.deviceReadIops, 'blkio.throttle.read_iops_device', 'riops', false],
    ['--device-write-iops', request.deviceWriteIops, 'blkio.throttle.write_iops_device', 'wiops', false],
  ] as const;
  for (const [option, entries, name, key, inBytes] of throttles) {
    for (const entry of entries ?? []) {
      const [, device, rateText] = /^(\/[^\0]*):([^:]+)$/.exec(entry) ?? [];
      if (device === undefined || rateText === undefined)
        throw refuse(option, entry, 'DEVICE:RATE, such as /dev/sda:1m');
      const rate = inBytes ? parseBytes(rateText, option) : parseWhole(rateText, option, [1, 0xffff_ffff]);
      limits.push({
        option,
        controller: 'io',
        v1: [{ ...file(name, rate), device }],
        v2: [{ ...file('io.max', `${key}=${rate}`), device }],
      });
    }
  }
  return limits;
}

/** podman's default: enough for any program, too few for a fork bomb to harm the host. */
export const DEFAULT_PIDS_LIMIT = 2048;

export function pidsLimit(count: number): ResourceLimit {
  const files = [file('pids.max', count > 0 ? count : 'max')];
  return { option: '--pids-limit', controller: 'pids', v1: files, v2: files };
}

/** Parses the limits of a request. @throws USAGE */
export function parseLimits(request: ResourceRequest): readonly ResourceLimit[] {
  const { pidsLimit: pids } = request;
  return [
    ...memoryLimits(request),
    ...cpuLimits(request),
    ...(pids === undefined ? [] : [pidsLimit(parseWhole(pids, '--pids-limit', [-1, 4_194_304]))]),
    ...ioLimits(request),
  ];
}
