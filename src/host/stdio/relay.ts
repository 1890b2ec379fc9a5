import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errnoOf } from '../../errors.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { makePipe } from '../../sys/stub/fork-stub.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { whileInFront } from './while-in-front.ts';

/** Where a container's streams come from and go to. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** What passes a container's streams on. */
export interface Relay {
  /** Resolves when all that the container wrote has been passed on. @throws FILESYSTEM when it could not be written */
  drain(): Promise<void>;
  /** Stops reading our standard input, and what the container may still write. */
  close(): void;
}

/**
 * Passes output on. When ours cannot be written any more, the container's end breaks too: it gets SIGPIPE, as in a
 * pipeline. That nobody reads ours is no failure, all else is. @throws FILESYSTEM
 */
async function forward(from: Socket, to: Writable, where: string): Promise<void> {
  let failure: Error | undefined;
  const broken = (error: Error) => {
    failure = error;
    from.destroy();
  };
  to.once('error', broken);
  from.pipe(to, { end: false });
  // An error of `from` can only be the broken pipe that `broken` made.
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

/** Our ends of the pipes that a container's streams are. */
interface PipeEnds {
  readonly stdin?: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

/** Passes on what goes through a container's pipes; their ends are closed by it. */
function relayPipes(ends: PipeEnds, streams: Streams): Relay {
  const readers = [ends.stdout, ends.stderr].map((fd) => new Socket({ fd, readable: true, writable: false }));
  const outputs = readers.map((reader, index) =>
    index === 0
      ? forward(reader, streams.stdout, 'standard output')
      : forward(reader, streams.stderr, 'standard error'),
  );
  // Awaited by drain; until then a failure waits, too.
  for (const output of outputs) output.catch(() => {});
  let writer: Socket | undefined;
  let input: Disposable | undefined;
  if (ends.stdin !== undefined) {
    writer = new Socket({ fd: ends.stdin, readable: false, writable: true });
    // The container may end without having read all: its status says what that means, not our EPIPE.
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
      // A terminal or pipe that is only paused would keep this process alive.
      if (streams.stdin instanceof Socket) streams.stdin.unref();
    },
  };
}

/** The container's ends of its pipes, by the stub's descriptors. */
export interface ContainerPipes {
  /** Absent where standard input is /dev/null. */
  readonly stdin?: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

/** Has a stub make pipes for a container's streams, and passes on what goes through them from now. */
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
