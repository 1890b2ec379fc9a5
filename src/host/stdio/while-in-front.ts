import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';

/**
 * Milliseconds between two looks of a job in the background: a shell that brings it to the front tells it nothing if it
 * runs.
 */
const PAUSE = 250;

/** Whether this process is in the foreground of its terminal: its process group is the terminal's. proc_pid_stat(5) */
export function isInFront(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground || foreground === '-1';
}

/**
 * Reads an input only while that may be done: a job in the background that reads its terminal, or changes how that
 * behaves, is stopped by the kernel, and hears no request to end then. `enter` begins to read, `leave` ends it; what is
 * no terminal is read until disposed. tty_ioctl(4), SIGTTIN
 */
export function whileInFront(input: Readable, enter: () => void, leave: () => void): Disposable {
  if (!(input instanceof ReadStream)) {
    enter();
    return { [Symbol.dispose]: leave };
  }
  let reads = false;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const may = isInFront();
    if (may !== reads) {
      reads = may;
      if (may) enter();
      else leave();
    }
    clearTimeout(timer);
    timer = may ? undefined : setTimeout(look, PAUSE).unref();
  };
  look();
  process.on('SIGCONT', look);
  return {
    [Symbol.dispose]() {
      process.off('SIGCONT', look);
      clearTimeout(timer);
      if (reads) leave();
    },
  };
}
