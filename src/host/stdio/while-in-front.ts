import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { passOutputAsIs } from '../../sys/process/pty.ts';

/**
 * Milliseconds between two checks of a job in the background. A shell sends it no signal when it becomes the foreground
 * job.
 */
const PAUSE = 250;

/** Whether this process is in the foreground of its terminal: its process group is the terminal's. proc_pid_stat(5) */
export function isInFront(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground || foreground === '-1';
}

/**
 * Sets the caller's terminal to raw mode, with output as it is: the container's terminal has made what is shown here.
 * Node's own raw mode adds a carriage return to each line feed. `setRawMode(false)` restores all of it.
 * @throws SYSTEM_CALL
 */
export function makeRaw(input: ReadStream): void {
  input.setRawMode(true);
  // Node tells the descriptor of its standard input only.
  if ('fd' in input && typeof input.fd === 'number') passOutputAsIs(input.fd);
}

/**
 * Reads a terminal only while this process is in its foreground. The kernel stops a background job that reads the
 * terminal or changes its mode, and a stopped process does not react to SIGTERM. `enter` begins to read, `leave` ends
 * it. Inputs other than terminals are read until disposed. tty_ioctl(4), SIGTTIN
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
