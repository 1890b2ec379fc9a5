import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** What is passed on to the container's first process; docker's `--sig-proxy`. SIGWINCH goes by way of the terminal's size. */
const FORWARDED = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGURG',
  'SIGIO',
] as const;

/** The number of a signal on this machine. */
export function signalNumber(name: NodeJS.Signals): number {
  return constants.signals[name];
}

/**
 * Whether a signal that would end any other process is lost on the first one of a PID namespace, which has no handler for it, does
 * not ignore it and does not wait for it either. The kernel does not tell. pid_namespaces(7), proc_pid_status(5)
 */
export function ignoresByDefault(pid: number, number: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // Gone.
    return false;
  }
  return ['SigBlk', 'SigIgn', 'SigCgt'].every((name) => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 0n;
  });
}

/** Hands each signal that this process gets to `deliver`, until disposed; none, unless `wanted`. */
export function catchSignals(wanted: boolean, deliver: (name: NodeJS.Signals) => void): Disposable {
  if (wanted) for (const name of FORWARDED) process.on(name, deliver);
  return {
    [Symbol.dispose]() {
      for (const name of FORWARDED) process.off(name, deliver);
    },
  };
}
