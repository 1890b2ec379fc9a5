import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { FRAME, type Frame, formatEndFrame, formatFrames, frameReader } from '../stdio/attach-frames.ts';
import type { LogFile } from '../stdio/log-file.ts';
import type { Streams } from '../stdio/relay.ts';

// A monitor's side of `tsimg attach`: a socket in the container's directory. Output goes to the log first, then to each
// attached process. As with docker, the container waits for one that does not read, once the socket's buffers are full.

/** The most processes that are attached at the same time. */
const MOST = 64;
/** Milliseconds that attached processes get to read the rest of the output after the container's end. */
const PATIENCE = 4000;

/** The size of a terminal, in characters. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The output of a container, with the size of the terminal that is attached last. */
class SharedOutput extends Writable {
  columns = 0;
  rows = 0;

  resize({ columns, rows }: Size): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }
}

/** What the record of a container says about its input. */
export interface HubInput {
  /** Whether the command reads its input: `-i`. */
  readonly open: boolean;
  /** Whether the end of an attached process's input is the end of the command's. */
  readonly once: boolean;
}

/** The streams of a detached container, to which processes attach themselves. */
export class AttachHub implements Disposable {
  readonly #log: LogFile;
  readonly #input: HubInput;
  readonly #sockets = new Set<Socket>();
  #stdin = new PassThrough();
  #stdout: SharedOutput | undefined;
  #size: Size = { columns: 0, rows: 0 };
  /** Aborted when the container has ended: from then on no attached process is waited for. */
  #over = new AbortController();
  #server: Server | undefined;
  #folder: number | undefined;

  constructor(log: LogFile, input: HubInput) {
    this.#log = log;
    this.#input = input;
  }

  /**
   * Listens in a container's directory. Where sockets cannot be made there, the container runs without: `attach` says
   * so. By the directory's descriptor, a path may be longer than the 108 bytes of unix(7).
   */
  async listen(directory: string): Promise<void> {
    rmSync(join(directory, CONTAINER_NAME.attach), { force: true });
    this.#folder = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const server = createServer({ allowHalfOpen: true }, (socket) => this.add(socket));
    const path = `/proc/self/fd/${this.#folder}/${CONTAINER_NAME.attach}`;
    const isListening = await new Promise<boolean>((resolve) => {
      // It stays: a process that cannot be attached later must not end the monitor.
      server.on('error', () => resolve(false));
      server.listen(path, () => resolve(true));
    });
    if (isListening) this.#server = server;
  }

  /** Attaches a process by its socket. */
  add(socket: Socket): void {
    if (this.#sockets.size >= MOST) return void socket.destroy();
    this.#sockets.add(socket);
    const read = frameReader();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const frames = read(chunk);
      if (frames === undefined) return void socket.destroy();
      for (const frame of frames) this.#receive(socket, frame);
    });
  }

  /** Makes the streams for one run of the container. */
  open(): Streams {
    this.#over = new AbortController();
    this.#stdin = new PassThrough();
    this.#stdout = this.#output('stdout');
    this.#stdout.resize(this.#size);
    return { stdin: this.#stdin, stdout: this.#stdout, stderr: this.#output('stderr') };
  }

  /** The container has ended: what attached processes did not read yet does not keep it. */
  hurry(): void {
    this.#over.abort();
  }

  /** Tells the attached processes that the run has ended, and with which status; they are cut off after four seconds. */
  async end(exitCode: number): Promise<void> {
    this.hurry();
    const sockets = [...this.#sockets];
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of sockets) socket.end(formatEndFrame(exitCode));
    if (sockets.length > 0) {
      const done = new AbortController();
      const timeout = sleep(PATIENCE, undefined, { signal: done.signal }).catch(() => undefined);
      await Promise.race([Promise.all(closed), timeout]);
      done.abort();
    }
    for (const socket of sockets) socket.destroy();
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.close();
    if (this.#folder !== undefined) closeSync(this.#folder);
    this.#folder = undefined;
  }

  #receive(socket: Socket, { kind, bytes }: Frame): void {
    if (kind === FRAME.size && bytes.length === 4) {
      this.#size = { columns: bytes.readUInt16BE(0), rows: bytes.readUInt16BE(2) };
      this.#stdout?.resize(this.#size);
    }
    if (!this.#input.open || this.#stdin.writableEnded) return;
    if (kind === FRAME.endOfInput && this.#input.once) this.#stdin.end();
    if (kind !== FRAME.input || this.#stdin.write(bytes)) return;
    socket.pause();
    this.#stdin.once('drain', () => socket.resume());
  }

  #output(name: 'stdout' | 'stderr'): SharedOutput {
    const over = this.#over.signal;
    return new SharedOutput({
      write: (chunk: Buffer, _, done) => {
        this.#log[name].write(chunk);
        const frames = formatFrames(FRAME[name], chunk);
        const slow = [...this.#sockets].filter((socket) => !socket.write(frames));
        if (slow.length === 0 || over.aborted) return done();
        void Promise.all(slow.map((socket) => drained(socket, over))).then(() => done());
      },
    });
  }
}

/** Resolves when a socket takes more, is closed, or is not waited for any more. */
function drained(socket: Socket, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      socket.off('drain', settle);
      socket.off('close', settle);
      over.removeEventListener('abort', settle);
      resolve();
    };
    socket.on('drain', settle);
    socket.on('close', settle);
    over.addEventListener('abort', settle);
  });
}
