import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errnoOf } from '../../errors.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { makePipe } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { whileInFront } from './while-in-front.ts';

/** The caller's streams that a container's are connected to. */
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
 * Passes output on. When the caller's stream breaks, the container's pipe is closed too, so that the container gets
 * SIGPIPE, as in a pipeline. A reader that went away (EPIPE) is no failure. @throws FILESYSTEM for other failed writes
 */
async function forward(from: Socket, to: Writable, where: string): Promise<void> {
  let failure: Error | undefined;
  const broken = (error: Error) => {
    failure = error;
    from.destroy();
  };
  to.once('error', broken);
  from.pipe(to, { end: false });
  // `from` fails only where `broken` destroyed it.
  await finished(from, { writable: false }).catch(() => undefined);
  if (!to.destroyed && to.writableNeedDrain) {
    await new Promise((resolve) => {
      to.once('drain', resolve);
      to.once('close', resolve);
    });
  }
  to.off('error', broken);
  if (failure === undefined || errnoOf(failure) === 'EPIPE') return;
  throw filesystemError('cannot write the output', where, failure);
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
  let writer: Socket | undefined;
  let input: Disposable | undefined;
  if (ends.stdin !== undefined) {
    writer = new Socket({ fd: ends.stdin, readable: false, writable: true });
    // A container may end without reading all its input. Its exit status tells whether that is an error, so EPIPE is
    // ignored.
    writer.on('error', () => streams.stdin.unpipe(writer));
    const to = writer;
    input = whileInFront(
      streams.stdin,
      () => void streams.stdin.pipe(to),
      () => {
        streams.stdin.unpipe(to);
        streams.stdin.pause();
      },
    );
  }
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
