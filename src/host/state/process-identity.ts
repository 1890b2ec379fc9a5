import { readFileSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import { openProcess, type ProcessHandle } from '../../sys/process/pidfd.ts';

/** A process for good. */
export type ProcessIdentity = JoinedProcess;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/**
 * The letter of its state, and its start in clock ticks since boot; undefined where there is no such process.
 * proc_pid_stat(5).
 */
function look(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The program's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** The letter of that very process's state; undefined where it is gone. */
function stateOf({ pid, startTime, bootId: boot }: ProcessIdentity): string | undefined {
  const found = look(pid);
  return found?.startTime === startTime && boot === bootId() ? found.state : undefined;
}

/** Who a process is that is there now; undefined where it is not. */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = look(pid);
  return found && { pid, startTime: found.startTime, bootId: bootId() };
}

/** Whether that very process is there. What was opened by its number before it is asked is its own then. */
export function isThere(process: ProcessIdentity): boolean {
  return stateOf(process) !== undefined;
}

/**
 * Whether that very process has ended: a zombie runs no more, it only waits to be asked for its status. Where it was
 * the first of a PID namespace, all others in that have ended before. pid_namespaces(7)
 */
export function hasItEnded(process: ProcessIdentity): boolean {
  return ['Z', 'X', undefined].includes(stateOf(process));
}

/** Whether that very process is stopped: by SIGSTOP, or because it wanted its terminal while another had it. */
export function isStopped(process: ProcessIdentity): boolean {
  return ['T', 't'].includes(stateOf(process) ?? '');
}

/**
 * Holds that very process; undefined where it is gone. The handle is the caller's to dispose of. @throws SYSTEM_CALL
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
  // Looked at after it is held: the number cannot change hands in between.
  if (look(pid)?.startTime === startTime) return handle;
  handle[Symbol.dispose]();
  return undefined;
}
