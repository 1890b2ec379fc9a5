import { Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { TsimgError } from '../../errors.ts';
import { isReaderGone, watchOutput } from '../../host/stdio/watch-output.ts';
import { hasMethods } from '../options/check-options.ts';

/** The standard input of a command. */
export type CommandInput = string | Uint8Array | Readable | ReadableStream<Uint8Array>;

/** A stream that gets output of a command. It is not ended: further commands may write to it. */
export type CommandOutput = Writable | WritableStream<Uint8Array>;

/** A stream of Node that stands for what the caller gave. Its disposal lets go of the caller's stream. */
export interface Adapted<T> extends Disposable {
  readonly stream: T;
}

// A stream of Node is recognised by its methods: it may be of a class of another realm or package.

function isReadable(input: CommandInput): input is Readable {
  return hasMethods(input, 'pipe', 'on');
}

function isWebReadable(input: CommandInput): input is ReadableStream<Uint8Array> {
  return hasMethods(input, 'getReader');
}

function isWritable(output: CommandOutput): output is Writable {
  return hasMethods(output, 'write', 'on');
}

/** Refuses a stream of the web that somebody else reads or writes. @throws USAGE */
function checkUnlocked({ locked }: { readonly locked: boolean }, what: string): void {
  if (locked)
    throw new TsimgError('USAGE', 'the stream is locked', { where: what, why: 'another reader or writer has it' });
}

/** Reads a stream of the web for as long as it is wanted. What was not read stays in it. @throws USAGE */
function webInput(input: ReadableStream<Uint8Array>): Adapted<Readable> {
  checkUnlocked(input, 'stdin');
  const reader = input.getReader();
  const stream = new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => void this.push(done ? null : value),
        (error: Error) => void this.destroy(error),
      );
    },
  });
  return { stream, [Symbol.dispose]: () => reader.releaseLock() };
}

function adaptInput(input: CommandInput | undefined): Adapted<Readable> {
  if (input !== undefined && isReadable(input)) return { stream: input, [Symbol.dispose]: () => {} };
  if (input !== undefined && isWebReadable(input)) return webInput(input);
  const stream = Readable.from(input === undefined ? [] : [Buffer.from(input)], { objectMode: false });
  return { stream, [Symbol.dispose]: () => {} };
}

/**
 * Returns standard input as a stream of Node.
 * @param onError called where the caller's stream fails
 * @throws USAGE for a stream of the web that is locked
 */
export function inputStream(input: CommandInput | undefined, onError: (error: Error) => void): Adapted<Readable> {
  const adapted = adaptInput(input);
  const { stream } = adapted;
  stream.on('error', onError);
  return {
    stream,
    [Symbol.dispose]() {
      stream.off('error', onError);
      if (stream === input) return;
      // The end of a stream that is destroyed while it is read is no failure of this process.
      stream.on('error', () => {}).destroy();
      adapted[Symbol.dispose]();
    },
  };
}

/** How the caller's stream for output is called in an error, and what is done when it fails. */
interface OutputHandling {
  readonly name: string;
  /** Not called where a reader went away: that is no failure. */
  readonly onError: (error: Error) => void;
}

/** Returns the caller's stream for output as a stream of Node. @throws USAGE for a stream of the web that is locked */
export function outputStream(output: CommandOutput, { name, onError }: OutputHandling): Adapted<Writable> {
  const adapted = adaptOutput(output, name);
  const { stream } = adapted;
  const watching = watchOutput(stream, {
    onDrain() {},
    onGone(error) {
      if (error !== undefined && !isReaderGone(error)) onError(error);
    },
  });
  return {
    stream,
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      adapted[Symbol.dispose]();
    },
  };
}

function adaptOutput(output: CommandOutput, name: string): Adapted<Writable> {
  if (isWritable(output)) return { stream: output, [Symbol.dispose]: () => {} };
  checkUnlocked(output, name);
  const writer = output.getWriter();
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => void writer.ready.then(() => writer.write(chunk)).then(() => done(), done),
  });
  return { stream, [Symbol.dispose]: () => writer.releaseLock() };
}
