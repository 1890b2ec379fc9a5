import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measurement {
  /** Wall clock. */
  readonly seconds: number;
  /** Processor time of all processes: seconds. More reliable than the clock on a shared machine. */
  readonly processorSeconds: number;
  /** The part of it that the kernel used. */
  readonly systemSeconds: number;
}

/** Milliseconds between two looks at a command's memory. */
const LOOK_INTERVAL = 20;

/** Resident memory of a process and its descendants: bytes. */
function residentMemory(pid: number): number {
  let bytes = 0;
  try {
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    bytes = Number(rss?.[1] ?? 0) * 1024;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
      for (const child of children === '' ? [] : children.split(' ')) bytes += residentMemory(Number(child));
    }
  } catch {
    // the process ended while we looked
  }
  return bytes;
}

/** Runs "$@" and prints its times: POSIX times(1), whose second line is that of children. */
const TIMED = '"$@"; status=$?; times >&3; exit $status';

/** `0m1.230000s 0m0.5s` of children → user and system seconds. */
function childTimes(times: string): readonly [user: number, system: number] {
  const children = times.trim().split('\n')[1] ?? '';
  const [user = 0, system = 0] = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    (match) => Number(match[1]) * 60 + Number(match[2]),
  );
  return [user, system];
}

/** Runs a command to its end, with a look at its process now and then; returns its times as the shell tells them. */
function run(command: readonly string[], look?: (pid: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', TIMED, 'sh', ...command], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    let errors = '';
    let times = '';
    child.stderr?.on('data', (chunk) => (errors += chunk));
    child.stdio[3]?.on('data', (chunk) => (times += chunk));
    const { pid } = child;
    const looks = look && pid !== undefined ? setInterval(look, LOOK_INTERVAL, pid) : undefined;
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(looks);
      if (status === 0) resolve(times);
      else reject(new Error(`${command.join(' ')}: status ${status}: ${errors.slice(-2000)}`));
    });
  });
}

/** Runs a command to its end, and measures its time. @throws Error when it fails, with what it printed */
export async function measure(command: readonly string[]): Promise<Measurement> {
  const started = process.hrtime.bigint();
  const times = await run(command);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const [user, systemSeconds] = childTimes(times);
  return { seconds, processorSeconds: user + systemSeconds, systemSeconds };
}

/**
 * Runs a command to its end, and returns the largest sum of resident memory over its processes: bytes. The looks take
 * a tenth of the time of two processors, so nothing is timed meanwhile. @throws Error as `measure`
 */
export async function peakMemoryOf(command: readonly string[]): Promise<number> {
  let peak = 0;
  await run(command, (pid) => {
    peak = Math.max(peak, residentMemory(pid));
  });
  return peak;
}

/** The middle value; of an even count the lower one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
