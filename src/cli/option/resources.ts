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

/** Adds docker's options about the resources of a container. */
export function withResources(command: Command): Command {
  return command
    .optionsGroup('Limits:')
    .option(
      '-m, --memory <bytes>',
      'the most memory (suffixes b, k, m, g); beyond it a process is killed (default: no limit)',
    )
    .option('--memory-swap <bytes>', 'the most memory and swap together; -1 for no limit (default: twice --memory)')
    .option('--memory-reservation <bytes>', 'the memory to keep when the host runs short of it (default: none)')
    .option('--cpus <number>', 'the most processors, such as 0.5 (default: no limit)')
    .option('--cpu-shares <number>', 'the weight when processors are busy (default: 1024, an equal share)')
    .option('--cpuset-cpus <list>', 'the processors to run on, such as 0-3,7 (default: all)')
    .option('--cpuset-mems <list>', 'the memory nodes to use, such as 0,1 (default: all)')
    .option(
      '--pids-limit <number>',
      'the most processes and threads; -1 for no limit (default: 2048, on hosts that allow a limit)',
    )
    .option('--blkio-weight <weight>', 'the weight when disks are busy, 10 to 1000 (default: the kernel’s)')
    .option(
      '--device-read-bps <device:rate>',
      'the most bytes a second to read from a disk, such as /dev/sda:10m',
      collect,
      [],
    )
    .option('--device-write-bps <device:rate>', 'the most bytes a second to write to a disk', collect, [])
    .option('--device-read-iops <device:rate>', 'the most reads a second from a disk', collect, [])
    .option('--device-write-iops <device:rate>', 'the most writes a second to a disk', collect, []);
}

/** Returns the request of these options. */
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
