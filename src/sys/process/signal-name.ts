import { constants } from 'node:os';

/** Whether a name is one of the signals that Node knows: none of the real-time ones. */
export function isSignalName(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}

/** Returns the name of a signal by its number on this machine; undefined where Node knows none. */
export function signalName(number: number): NodeJS.Signals | undefined {
  return Object.keys(constants.signals)
    .filter(isSignalName)
    .find((name) => constants.signals[name] === number);
}
