import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * The signals that docker's `--sig-proxy` passes on. SIGWINCH is left out: the terminal relay sets the size instead.
 */
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
 * Whether the kernel drops a signal silently: the first process of a PID namespace does not get a signal that it
 * neither handles nor ignores nor blocks, although the signal would end any other process. pid_namespaces(7),
 * proc_pid_status(5)
 */
export function ignoresByDefault(pid: number, number: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // The process has ended.
    return false;
  }
  return ['SigBlk', 'SigIgn', 'SigCgt'].every((name) => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(number - 1)) & 1n) === 0n;
  });
}

/** Delivers signals to its listeners. */
export interface SignalSource {
  /** Calls `deliver` for each signal until the returned object is disposed. */
  listen(deliver: (name: NodeJS.Signals) => void): Disposable;
}

/** The signals that this process gets. Nothing is installed on the process while nobody listens. */
export const processSignals: SignalSource = {
  listen(deliver) {
    for (const name of FORWARDED) process.on(name, deliver);
    return {
      [Symbol.dispose]() {
        for (const name of FORWARDED) process.off(name, deliver);
      },
    };
  },
};
