import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { openPipe } from '../sys/pipe.ts';

/** Where a container's streams come from and go to. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** The container's ends of three pipes, as descriptor numbers for starting it, and ours, which begin to flow at once. */
export interface Relay {
  /** For descriptors 5, 6 and 7: `ignore` is /dev/null. */
  readonly descriptors: readonly (number | 'ignore')[];
  /** Resolves when all that the container wrote has been passed on. */
  drain(): Promise<void>;
  /** Stops reading our standard input, and what the container may still write. */
  close(): void;
}

/**
 * Passes output on. When nobody reads ours any more, the container's end breaks too: it gets SIGPIPE, as in a pipeline.
 */
async function forward(from: Socket, to: Writable): Promise<void> {
  const broken = () => void from.destroy();
  to.once('error', broken);
  from.pipe(to, { end: false });
  // An error of `from` can only be the broken pipe that `broken` made.
  await finished(from, { writable: false }).catch(() => undefined);
  to.off('error', broken);
  if (!to.destroyed && to.writableNeedDrain) await new Promise((resolve) => to.once('drain', resolve));
}

/** Opens the pipes. Ends that are the container's must be closed here once it is started: `onStarted` does. */
export function openRelay(streams: Streams, withInput: boolean): Relay & { readonly containerEnds: readonly number[] } {
  const stdout = openPipe();
  const stderr = openPipe();
  const input = withInput ? openPipe() : undefined;
  const readers = [stdout, stderr].map(({ read: fd }) => new Socket({ fd, readable: true, writable: false }));
  const outputs = readers.map((reader, index) => forward(reader, index === 0 ? streams.stdout : streams.stderr));
  let writer: Socket | undefined;
  if (input !== undefined) {
    writer = new Socket({ fd: input.write, readable: false, writable: true });
    // The container may end without having read all: its status says what that means, not our EPIPE.
    writer.on('error', () => streams.stdin.unpipe(writer));
    streams.stdin.pipe(writer);
  }
  return {
    descriptors: [input?.read ?? 'ignore', stdout.write, stderr.write],
    containerEnds: [...(input === undefined ? [] : [input.read]), stdout.write, stderr.write],
    drain: async () => void (await Promise.all(outputs)),
    close() {
      for (const reader of readers) reader.destroy();
      if (writer === undefined) return;
      streams.stdin.unpipe(writer);
      streams.stdin.pause();
      writer.destroy();
      // A terminal or pipe that is only paused would keep this process alive.
      if (streams.stdin instanceof Socket) streams.stdin.unref();
    },
  };
}
