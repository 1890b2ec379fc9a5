// Resource usage of processes, from texts of /proc and of cgroups. Values are bytes unless a comment says otherwise.

/** USER_HZ: ticks a second in /proc, the same on every Linux that Node runs on. */
const TICKS = 100;

/**
 * Parses /proc/PID/stat: processor time of a process and its waited-for children, in seconds. proc_pid_stat(5), fields
 * 14 to 17.
 */
export function parseProcessorTime(stat: string): number {
  // The program's name, in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0) / TICKS;
}

/** Parses /proc/PID/status: threads, and resident memory. A zombie has no memory. proc_pid_status(5) */
export function parseProcessStatus(status: string): { readonly threads: number; readonly resident: number } {
  const value = (name: string) => Number(new RegExp(`^${name}:\\s*([0-9]+)`, 'm').exec(status)?.[1] ?? 0);
  return { threads: value('Threads'), resident: value('VmRSS') * 1024 };
}

/** Bytes that were read and written. */
export interface Traffic {
  readonly read: number;
  readonly written: number;
}

/** Parses /proc/PID/io: bytes that a process read from and wrote to disks. proc_pid_io(5) */
export function parseProcessIo(io: string): Traffic {
  const value = (name: string) => Number(new RegExp(`^${name}: ([0-9]+)$`, 'm').exec(io)?.[1] ?? 0);
  return { read: value('read_bytes'), written: value('write_bytes') };
}

/** Parses /proc/PID/net/dev: bytes received and sent by all devices except loopback. proc_pid_net(5) */
export function parseNetworkDevices(text: string): Traffic {
  let read = 0;
  let written = 0;
  for (const line of text.split('\n')) {
    const [, device, counters = ''] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (device === undefined || device === 'lo') continue;
    const values = counters.split(/\s+/).map(Number);
    read += values[0] ?? 0;
    written += values[8] ?? 0;
  }
  return { read, written };
}

/** Parses io.stat of version 2: `8:0 rbytes=1 wbytes=2 …`. */
export function parseIoStat(text: string): Traffic {
  const sum = (key: string) =>
    [...text.matchAll(new RegExp(` ${key}=([0-9]+)`, 'g'))].reduce((total, [, value]) => total + Number(value), 0);
  return { read: sum('rbytes'), written: sum('wbytes') };
}

/** Parses blkio.throttle.io_service_bytes of version 1: `8:0 Read 1`, `8:0 Write 2`, … */
export function parseBlkio(text: string): Traffic {
  const sum = (key: string) =>
    [...text.matchAll(new RegExp(`^[0-9]+:[0-9]+ ${key} ([0-9]+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { read: sum('Read'), written: sum('Write') };
}

/** Parses a file of a single number; undefined for `max`, and for a missing file (''). */
export function parseCount(text: string): number | undefined {
  return /^[0-9]+\s*$/.test(text) ? Number(text) : undefined;
}

/** Parses /proc/meminfo: the host's memory. */
export function parseTotalMemory(meminfo: string): number | undefined {
  const [, kibibytes] = /^MemTotal:\s*([0-9]+) kB$/m.exec(meminfo) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
