import { readFileSync } from 'node:fs';
import { TsimgError } from '../../errors.ts';
import { findTool, TOOL_ENV } from '../../host/facts/tools.ts';
import { containersFolder } from '../../host/state/container.ts';
import { containerProcesses } from '../../host/state/container-processes.ts';
import { findContainer } from '../../host/state/find-container.ts';
import { parsePasswd } from '../../linux/passwd.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { notRunning } from '../life/signal-container.ts';
import type { ContainersContext } from '../places.ts';

/** The processes of a container as a table. The texts come from the container: escape them. */
export interface ProcessTable {
  readonly titles: readonly string[];
  /** A row for each process, with a cell for each title. */
  readonly processes: readonly (readonly string[])[];
}

const TITLES = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];
/** Clock ticks a second, which the kernel tells user space on all machines of today. */
const TICKS = 100;
/** Columns of ps without a blank in a cell, whatever the process calls itself: PID is found behind these only. */
const WITHOUT_BLANKS = new Set(
  (
    'F S STAT UID USER RUID RUSER EUID EUSER SUID SUSER FUID FUSER GID GROUP RGID RGROUP EGID EGROUP SGID SGROUP ' +
    'PPID PGID PGRP SID SESS TPGID LWP TID SPID NLWP THCNT TT TTY TNAME C CP PSR PRI NI CLS POL RTPRIO ' +
    '%CPU %MEM VSZ SZ RSS RSZ SIZE TRS DRS STIME TIME ELAPSED'
  ).split(' '),
);
/** The longest run of ps: milliseconds. */
const TIMEOUT = 30_000;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}

/** The names of this host's users, as ps shows them. */
function userNames(): ReadonlyMap<number, string> {
  return new Map(parsePasswd(read('/etc/passwd')).map(({ uid, name }) => [uid, name]));
}

function clock(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** The name of a terminal by the number of its device. proc_pid_stat(5) */
function terminal(device: number): string {
  if (device === 0) return '?';
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? `pts/${minor + (major - 136) * 256}` : `${major}:${minor}`;
}

function startOf(ticks: number, uptime: number): { readonly time: string; readonly age: number } {
  const age = Math.max(0, uptime - ticks / TICKS);
  const start = new Date(Date.now() - age * 1000);
  const time = age < 86_400 ? start.toTimeString().slice(0, 5) : start.toDateString().slice(4, 10).replace(' ', '');
  return { time, age };
}

/** The row of a process, as `ps -ef` has it; undefined where it has ended. */
function rowOf(pid: number, users: ReadonlyMap<number, string>, uptime: number): readonly string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === '') return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const number = (index: number) => Number(fields[index] ?? 0);
  const uid = Number(/^Uid:\s*\d+\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  const used = (number(11) + number(12)) / TICKS;
  const { time, age } = startOf(number(19), uptime);
  const words = read(`/proc/${pid}/cmdline`).replace(/\0+$/, '').replaceAll('\0', ' ');
  const share = age === 0 ? 0 : Math.min(99, Math.floor((used / age) * 100));
  const command = words === '' ? `[${name}]` : words;
  return [
    users.get(uid) ?? String(uid),
    String(pid),
    fields[1] ?? '',
    String(share),
    time,
    terminal(number(4)),
    clock(used),
    command,
  ];
}

/** Runs ps of this host, and keeps the rows of some processes. @throws USAGE, HOST_UNSUPPORTED */
async function askPs(pids: readonly number[], options: readonly string[]): Promise<ProcessTable> {
  const ps = findTool('ps');
  if (ps === undefined) {
    throw new TsimgError('HOST_UNSUPPORTED', 'this host has no ps', {
      where: options.join(' '),
      hint: 'install it (Debian package procps), or leave out the options of ps',
    });
  }
  const { status, stdout, stderr } = await runCommand(ps, options, { env: TOOL_ENV, timeout: TIMEOUT });
  const [head = '', ...lines] = stdout.toString('utf8').split('\n');
  const titles = head.trim().split(/\s+/);
  const column = titles.indexOf('PID');
  const fail = (why: string) =>
    new TsimgError('USAGE', 'ps of this host did not list the processes', { where: `ps ${options.join(' ')}`, why });
  if (status !== 0) throw fail(stderr.toString('utf8').trim().split('\n')[0] ?? `status ${status}`);
  if (column === -1) throw fail('its table has no column PID, by which the container’s processes are found');
  const free = titles.slice(0, column).find((title) => !WITHOUT_BLANKS.has(title));
  // A process could write a PID of its choice into such a cell.
  if (free !== undefined) throw fail(`${free} may have blanks, so the column PID must stand before it`);
  const wanted = new Set(pids.map(String));
  const rows = lines.map((line) => {
    const words = line.trim().split(/\s+/);
    return [...words.slice(0, titles.length - 1), words.slice(titles.length - 1).join(' ')];
  });
  return { titles, processes: rows.filter((row) => wanted.has(row[column] ?? '')) };
}

/**
 * Lists the processes of a running container, with the host's numbers, as docker's `top`.
 * @param options of ps, which this host must have then; without any, the table is that of `ps -ef`
 * @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS; CONTAINER_STATE where it does not run; USAGE for options by which
 * ps fails, or whose table has no column PID, or text of processes before it; HOST_UNSUPPORTED where there is no ps
 */
export async function containerTop(
  wanted: string,
  options: readonly string[],
  { stateRoot }: ContainersContext,
): Promise<ProcessTable> {
  const container = await findContainer(containersFolder(stateRoot), wanted);
  const { status, process } = container.state;
  if (status !== 'running' || process === undefined) throw notRunning(container);
  const pids = containerProcesses(container.record, process.pid);
  if (options.length > 0) return await askPs(pids, options);
  const uptime = Number(read('/proc/uptime').split(' ')[0]);
  const users = userNames();
  return {
    titles: TITLES,
    processes: pids.map((pid) => rowOf(pid, users, uptime)).filter((row) => row !== undefined),
  };
}
