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

/** Hands each signal that this process gets to `deliver`, until disposed; none, unless `wanted`. */
export function catchSignals(wanted: boolean, deliver: (name: NodeJS.Signals) => void): Disposable {
  if (wanted) for (const name of FORWARDED) process.on(name, deliver);
  return {
    [Symbol.dispose]() {
      for (const name of FORWARDED) process.off(name, deliver);
    },
  };
}
