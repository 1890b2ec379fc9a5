import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { makePipe } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { atInputEnd, inputBytes } from './input-bytes.ts';
import { isReaderGone, watchOutput } from './watch-output.ts';
import { whileInFront } from './while-in-front.ts';

/** The caller's streams, to which a container's streams are connected. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Connects a container's streams with the caller's. */
export interface Relay {
  /**
   * Resolves when the whole output of the container has been passed on. @throws FILESYSTEM when it could not be written
   */
  drain(): Promise<void>;
  /** Stops reading the caller's standard input and the container's output. */
  close(): void;
}

/**
 * Passes output on. When the caller's stream breaks or is destroyed, the container's pipe is closed too, so that the
 * container gets SIGPIPE, as in a pipeline. A reader that went away is no failure. @throws FILESYSTEM for other failed
 * writes
 */
async function forward(from: Socket, to: Writable, where: string): Promise<void> {
  let failure: Error | undefined;
  let isGone = to.destroyed;
  let settle = () => {};
  using _ = watchOutput(to, {
    onDrain() {
      from.resume();
      settle();
    },
    onGone(error) {
      failure ??= error;
      isGone = true;
      from.destroy();
      settle();
    },
  });
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  if (isGone) from.destroy();
  // `from` fails only where it is destroyed above.
  await finished(from, { writable: false }).catch(() => undefined);
  if (!isGone && to.writableNeedDrain) {
    await new Promise<void>((resolve) => {
      settle = resolve;
    });
  }
  if (failure !== undefined && !isReaderGone(failure)) throw filesystemError('cannot write the output', where, failure);
}

/** Passes input on until its end, or until it is destroyed: the command gets the end of its input then, too. */
function passInput(from: Readable, to: Socket): Disposable {
  let reads = false;
  const take = (chunk: unknown) => {
    const bytes = inputBytes(from, chunk);
    if (bytes !== undefined && !to.write(bytes)) from.pause();
  };
  const leave = () => {
    reads = false;
    from.off('data', take);
    from.pause();
  };
  to.on('drain', () => {
    if (reads) from.resume();
  });
  // A container may end without reading all its input. Its exit status tells whether that is an error, so EPIPE is
  // ignored.
  to.on('error', leave);
  const ending = atInputEnd(from, () => void to.end());
  const reading = whileInFront(
    from,
    () => {
      reads = true;
      from.on('data', take);
      from.resume();
    },
    leave,
  );
  return {
    [Symbol.dispose]() {
      reading[Symbol.dispose]();
      ending[Symbol.dispose]();
    },
  };
}

/** This process's ends of the pipes for a container's streams. */
interface PipeEnds {
  readonly stdin?: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

/** Connects a container's pipes with the caller's streams. The relay closes these ends. */
function relayPipes(ends: PipeEnds, streams: Streams): Relay {
  const readers = [ends.stdout, ends.stderr].map((fd) => new Socket({ fd, readable: true, writable: false }));
  const outputs = readers.map((reader, index) =>
    index === 0
      ? forward(reader, streams.stdout, 'standard output')
      : forward(reader, streams.stderr, 'standard error'),
  );
  // `drain` reports a failure; until then it must not count as unhandled.
  for (const output of outputs) output.catch(() => {});
  const writer = ends.stdin === undefined ? undefined : new Socket({ fd: ends.stdin, readable: false, writable: true });
  const input = writer && passInput(streams.stdin, writer);
  return {
    drain: async () => void (await Promise.all(outputs)),
    close() {
      for (const reader of readers) reader.destroy();
      if (writer === undefined) return;
      input?.[Symbol.dispose]();
      writer.destroy();
      // A paused terminal or pipe would keep this process alive.
      if (streams.stdin instanceof Socket) streams.stdin.unref();
    },
  };
}

/** The container's ends of its pipes: descriptors of the stub. */
export interface ContainerPipes {
  /** Absent where standard input is /dev/null. */
  readonly stdin?: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

/** Makes pipes for a container's streams by its stub, and connects them with the caller's streams. */
export function openRelay(
  stub: Stub,
  streams: Streams,
  withInput: boolean,
): { readonly relay: Relay; readonly pipes: ContainerPipes } {
  const stdin = withInput ? makePipe(stub, 'write') : undefined;
  const [stdout, stderr] = [makePipe(stub, 'read'), makePipe(stub, 'read')];
  return {
    relay: relayPipes({ stdin: stdin?.ours, stdout: stdout.ours, stderr: stderr.ours }, streams),
    pipes: { stdin: stdin?.theirs, stdout: stdout.theirs, stderr: stderr.theirs },
  };
}
