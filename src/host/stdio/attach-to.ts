import type { Duplex, Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { FRAME, type Frame, formatFrame, formatFrames, formatSizeFrame, frameReader } from './attach-frames.ts';
import { keyWatch } from './detach-keys.ts';
import { atInputEnd, inputBytes } from './input-bytes.ts';
import type { Streams } from './relay.ts';
import { watchOutput } from './watch-output.ts';
import { isInFront, makeRaw, whileInFront } from './while-in-front.ts';

/** How an attachment ended. */
export type AttachEnd =
  | { readonly kind: 'ended'; readonly exitCode: number }
  /** By the keys. The container goes on. */
  | { readonly kind: 'detached' }
  /** The monitor is gone, or one of the caller's streams: the container may go on. */
  | { readonly kind: 'lost' };

export interface AttachOptions {
  readonly streams: Streams;
  /** Whether input is passed on. */
  readonly input: boolean;
  /** Whether the container has a terminal. */
  readonly terminal: boolean;
  /** The keys that end an attachment to a terminal; empty for none. */
  readonly detachKeys: Buffer;
}

/** A stream's connection with a container. */
export interface Attachment {
  /** Resolves at the end of the container, or of the attachment. */
  readonly end: Promise<AttachEnd>;
  /** Begins to pass on input. */
  openInput(): void;
  /** Ends the attachment. The container goes on. */
  close(): void;
}

/** Passes typed input on to the monitor, and restores the mode of a terminal at the end. */
function passInput(from: Readable, to: Duplex, { terminal, detachKeys }: AttachOptions, detach: () => void) {
  const raw = terminal && from instanceof ReadStream ? from : undefined;
  const watch = keyWatch(terminal ? detachKeys : Buffer.alloc(0));
  const goOn = () => void from.resume();
  const send = (chunk: unknown) => {
    const bytes = inputBytes(from, chunk);
    if (bytes === undefined) return;
    const { pass, detaches } = watch(bytes);
    if (pass.length > 0 && !to.write(formatFrames(FRAME.input, pass))) {
      from.pause();
      to.once('drain', goOn);
    }
    if (detaches) detach();
  };
  const ending = atInputEnd(from, () => {
    if (to.writable) to.write(formatFrame(FRAME.endOfInput));
  });
  const reading = whileInFront(
    from,
    () => {
      if (raw !== undefined) makeRaw(raw);
      from.on('data', send);
      from.resume();
    },
    () => {
      from.off('data', send);
      to.off('drain', goOn);
      from.pause();
      if (raw !== undefined && isInFront()) raw.setRawMode(false);
    },
  );
  return {
    [Symbol.dispose]() {
      reading[Symbol.dispose]();
      ending[Symbol.dispose]();
    },
  };
}

/** Connects the caller's streams with a container by a stream of its monitor. Nothing is read of the input yet. */
export function attachTo(stream: Duplex, options: AttachOptions): Attachment {
  const { streams, input, terminal } = options;
  const screen = terminal && streams.stdout instanceof WriteStream ? streams.stdout : undefined;
  const resize = () => {
    if (screen !== undefined && screen.columns > 0) stream.write(formatSizeFrame(screen.columns, screen.rows));
  };
  const outputs = [streams.stdout, streams.stderr];
  let result: AttachEnd = { kind: 'lost' };
  let passing: Disposable | undefined;
  const lose = () => void stream.destroy();
  const goOn = () => void stream.resume();
  const show = (to: Writable, bytes: Buffer) => {
    if (!to.write(bytes)) stream.pause();
  };
  const read = frameReader();
  const receive = ({ kind, bytes }: Frame) => {
    if (kind === FRAME.stdout) show(streams.stdout, bytes);
    if (kind === FRAME.stderr) show(streams.stderr, bytes);
    if (kind === FRAME.ended && bytes.length === 4) result = { kind: 'ended', exitCode: bytes.readInt32BE(0) };
  };
  stream.on('data', (chunk: Buffer) => {
    const frames = read(chunk);
    if (frames === undefined) lose();
    else for (const frame of frames) receive(frame);
  });
  stream.on('error', lose);
  stream.on('end', lose);
  const watching = outputs.map((to) => watchOutput(to, { onDrain: goOn, onGone: lose }));
  if (outputs.some((to) => to.destroyed)) lose();
  const end = new Promise<AttachEnd>((resolve) => {
    stream.once('close', () => {
      passing?.[Symbol.dispose]();
      screen?.off('resize', resize);
      for (const each of watching) each[Symbol.dispose]();
      // A paused terminal or pipe would keep this process alive.
      if ('unref' in streams.stdin && typeof streams.stdin.unref === 'function') streams.stdin.unref();
      resolve(result);
    });
  });
  // Sent before the command runs, so that it finds a terminal of this size.
  resize();
  screen?.on('resize', resize);
  return {
    end,
    openInput() {
      if (stream.destroyed || !input) return;
      passing = passInput(streams.stdin, stream, options, () => {
        result = { kind: 'detached' };
        stream.end(lose);
      });
    },
    close: lose,
  };
}
