import { readFileSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { JoinedProcess } from '../../launch/network-plan.ts';
import { openProcess, type ProcessHandle } from '../../sys/pidfd.ts';

/** A process for good. */
export type ProcessIdentity = JoinedProcess;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Undefined where there is no such process. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The program's name, in parentheses, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Who a process is that is there now; undefined where it is not. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/** Whether that very process is there. What was opened by its number before it is asked is its own then. */
export function isThere({ pid, startTime, bootId: boot }: ProcessIdentity): boolean {
  return boot === bootId() && startTimeOf(pid) === startTime;
}

/** Holds that very process; undefined where it is gone. The handle is the caller's to dispose of. @throws SYSTEM_CALL */
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
  if (startTimeOf(pid) === startTime) return handle;
  handle[Symbol.dispose]();
  return undefined;
}
