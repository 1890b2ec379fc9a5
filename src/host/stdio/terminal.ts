import { close, read, write } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { promisify } from 'node:util';
import { errnoOf } from '../../errors.ts';
import { setTerminalSize } from '../../sys/process/pty.ts';
import { isInFront, whileInFront } from './while-in-front.ts';

const readFd = promisify(read);
const writeFd = promisify(write);
const closeFd = promisify(close);

/** The caller's side of a container's terminal. */
export interface TerminalRelay {
  /** Resolves when the container's side is closed and its whole output has been passed on. */
  drain(): Promise<void>;
  /** Restores the mode of the caller's terminal, and closes the master. */
  close(): Promise<void>;
}

/** Passes on all output. It reads until EIO, because a Node stream on a master loses the last bytes. */
async function passOutput(master: number, to: Writable): Promise<void> {
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    let count: number;
    try {
      count = (await readFd(master, buffer, 0, buffer.length, null)).bytesRead;
    } catch (error) {
      if (errnoOf(error) === 'EIO') return;
      throw error;
    }
    if (count === 0) return;
    if (!to.write(Buffer.from(buffer.subarray(0, count)))) await new Promise((resolve) => to.once('drain', resolve));
  }
}

/** Passes on input in order, with one write at a time: the terminal's buffer may be full. */
function passInput(from: Readable, master: number): Disposable {
  let last = Promise.resolve();
  const send = (chunk: Buffer) => {
    last = last.then(async () => {
      let rest: Buffer = chunk;
      while (rest.length > 0) rest = rest.subarray((await writeFd(master, rest)).bytesWritten);
    });
    // A container may end without reading all its input. Its exit status tells whether that is an error.
    last = last.catch(() => undefined);
  };
  const raw = from instanceof ReadStream ? from : undefined;
  return whileInFront(
    from,
    () => {
      raw?.setRawMode(true);
      from.on('data', send);
      from.resume();
    },
    () => {
      from.off('data', send);
      from.pause();
      if (isInFront()) raw?.setRawMode(false);
    },
  );
}

/**
 * Connects the caller's streams with the master of the container's terminal; `close` closes the master. If the input is
 * a terminal, it is in raw mode meanwhile. @throws SYSTEM_CALL
 */
export function relayTerminal(master: number, stdin: Readable | undefined, stdout: Writable): TerminalRelay {
  const raw = stdin instanceof ReadStream ? stdin : undefined;
  const screen = stdout instanceof WriteStream ? stdout : undefined;
  const resize = () => {
    if (screen !== undefined && screen.columns > 0) setTerminalSize(master, screen.columns, screen.rows);
  };
  resize();
  screen?.on('resize', resize);
  const input = stdin === undefined ? undefined : passInput(stdin, master);
  const output = passOutput(master, stdout);
  return {
    drain: () => output,
    async close() {
      input?.[Symbol.dispose]();
      screen?.off('resize', resize);
      raw?.unref();
      await closeFd(master);
    },
  };
}
