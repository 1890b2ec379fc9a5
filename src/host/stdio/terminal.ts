import { close, read, write } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { errnoOf } from '../../errors.ts';
import { setTerminalSize } from '../../sys/process/pty.ts';
import { inputBytes } from './input-bytes.ts';
import { watchOutput } from './watch-output.ts';
import { isInFront, makeRaw, whileInFront } from './while-in-front.ts';

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

/** An output that has the size of a screen: a terminal, or what is shown on one elsewhere. */
interface Screen extends Writable {
  readonly columns: number;
  readonly rows: number;
}

function isScreen(stream: Writable): stream is Screen {
  return 'columns' in stream && typeof stream.columns === 'number';
}

/**
 * Passes on all output. It reads until EIO, because a Node stream on a master loses the last bytes. What comes after
 * the caller's stream has gone is read and dropped.
 */
async function passOutput(master: number, to: Writable): Promise<void> {
  const buffer = Buffer.alloc(64 * 1024);
  let isGone = to.destroyed;
  let goOn = () => {};
  using _ = watchOutput(to, {
    onDrain: () => goOn(),
    onGone() {
      isGone = true;
      goOn();
    },
  });
  for (;;) {
    let count: number;
    try {
      count = (await readFd(master, buffer, 0, buffer.length, null)).bytesRead;
    } catch (error) {
      if (errnoOf(error) === 'EIO') return;
      throw error;
    }
    if (count === 0) return;
    if (isGone || to.write(Buffer.from(buffer.subarray(0, count)))) continue;
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
  }
}

/** Passes on input in order, with one write at a time: the terminal's buffer may be full. */
function passInput(from: Readable, master: number): Disposable {
  let last = Promise.resolve();
  const send = (chunk: unknown) => {
    const bytes = inputBytes(from, chunk);
    if (bytes === undefined) return;
    last = last.then(async () => {
      let rest: Buffer = bytes;
      while (rest.length > 0) rest = rest.subarray((await writeFd(master, rest)).bytesWritten);
    });
    // A container may end without reading all its input. Its exit status tells whether that is an error.
    last = last.catch(() => undefined);
  };
  const raw = from instanceof ReadStream ? from : undefined;
  return whileInFront(
    from,
    () => {
      if (raw !== undefined) makeRaw(raw);
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
  const screen = isScreen(stdout) ? stdout : undefined;
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
