import { readFileSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import { openProcess, type ProcessHandle } from '../../sys/process/pidfd.ts';

/** Identifies a process for ever; a number alone may become another's. */
export type ProcessIdentity = JoinedProcess;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/**
 * Reads a process's state letter and start time in clock ticks since boot; undefined where it does not exist.
 * proc_pid_stat(5)
 */
function look(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The program's name, in parentheses, may contain any bytes.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Returns the state letter of an identified process; undefined where it is gone. */
function stateOf({ pid, startTime, bootId: boot }: ProcessIdentity): string | undefined {
  const found = look(pid);
  return found?.startTime === startTime && boot === bootId() ? found.state : undefined;
}

/** Identifies the process that has a number now; undefined where there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = look(pid);
  return found && { pid, startTime: found.startTime, bootId: bootId() };
}

/** Whether an identified process still exists. If so, files opened by its number before this call are its own. */
export function isThere(process: ProcessIdentity): boolean {
  return stateOf(process) !== undefined;
}

/**
 * Whether an identified process has ended; a zombie has. If it was the first of a PID namespace, all others in the
 * namespace have ended before it. pid_namespaces(7)
 */
export function hasItEnded(process: ProcessIdentity): boolean {
  return ['Z', 'X', undefined].includes(stateOf(process));
}

/** Whether an identified process is stopped: by SIGSTOP, or as a background job that used its terminal. */
export function isStopped(process: ProcessIdentity): boolean {
  return ['T', 't'].includes(stateOf(process) ?? '');
}

/**
 * Opens a handle of an identified process; undefined where it is gone. The caller disposes the handle. @throws
 * SYSTEM_CALL
 */
export function openIdentified({ pid, startTime, bootId: boot }: ProcessIdentity): ProcessHandle | undefined {
  if (boot !== bootId()) return undefined;
  let handle: ProcessHandle;
  try {
    handle = openProcess(pid);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
  // Checked after the handle is open: the number cannot become another's in between.
  if (look(pid)?.startTime === startTime) return handle;
  handle[Symbol.dispose]();
  return undefined;
}
