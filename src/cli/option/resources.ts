import type { Command } from 'commander';
import type { ResourceRequest } from '../../launch/limits/resources.ts';
import { collect } from './parsers.ts';

/** The options of `withResources`, as commander names them. */
export interface ResourceOptions {
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly cpus?: string;
  readonly cpuShares?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: string;
  readonly blkioWeight?: string;
  readonly deviceReadBps: readonly string[];
  readonly deviceWriteBps: readonly string[];
  readonly deviceReadIops: readonly string[];
  readonly deviceWriteIops: readonly string[];
}

/** What a container may have at most: docker's options. */
export function withResources(command: Command): Command {
  return command
    .optionsGroup('Limits:')
    .option('-m, --memory <bytes>', 'memory at most (suffixes b, k, m, g); a process is killed when it is used up')
    .option('--memory-swap <bytes>', 'memory and swap at most, -1 for any swap (twice --memory when absent)')
    .option('--memory-reservation <bytes>', 'what is left to it when the host runs short of memory')
    .option('--cpus <number>', 'processors at most, such as 0.5')
    .option('--cpu-shares <number>', 'its weight when processors are short (1024 is an equal share)')
    .option('--cpuset-cpus <list>', 'the processors to run on, such as 0-3,7')
    .option('--cpuset-mems <list>', 'the memory nodes to use')
    .option('--pids-limit <number>', 'processes and threads at most, -1 for any (2048 where the host lets us)')
    .option('--blkio-weight <weight>', 'its weight when disks are busy, 10 to 1000')
    .option('--device-read-bps <device:rate>', 'bytes a second that are read from a disk at most', collect, [])
    .option('--device-write-bps <device:rate>', 'bytes a second that are written to a disk at most', collect, [])
    .option('--device-read-iops <device:rate>', 'reads a second from a disk at most', collect, [])
    .option('--device-write-iops <device:rate>', 'writes a second to a disk at most', collect, []);
}

/** The request that the options make. */
export function resourcesOf(options: ResourceOptions): ResourceRequest {
  return {
    memory: options.memory,
    memorySwap: options.memorySwap,
    memoryReservation: options.memoryReservation,
    cpus: options.cpus,
    cpuShares: options.cpuShares,
    cpusetCpus: options.cpusetCpus,
    cpusetMems: options.cpusetMems,
    pidsLimit: options.pidsLimit,
    blkioWeight: options.blkioWeight,
    deviceReadBps: options.deviceReadBps,
    deviceWriteBps: options.deviceWriteBps,
    deviceReadIops: options.deviceReadIops,
    deviceWriteIops: options.deviceWriteIops,
  };
}
