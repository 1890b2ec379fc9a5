import { isError } from '../../errors.ts';
import { parseSignal } from '../../linux/signals.ts';

/** Sends a signal; false when there is no such process. kill(2) @throws USAGE for a name that is no signal's */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  const { number } = parseSignal(signal);
  try {
    return process.kill(pid, number);
  } catch (error) {
    if (isError(error) && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
