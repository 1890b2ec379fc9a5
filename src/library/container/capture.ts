import type { Writable } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import { type BoundedOutput, boundedOutput } from '../../host/stdio/bounded-output.ts';
import type { Streams } from '../../host/stdio/relay.ts';
import { afterTime, checkBound } from '../options/check-number.ts';
import { type Checks, hasMethods, isBytes, oneOf, signal as signalCheck, takes } from '../options/check-options.ts';
import { type Adapted, type CommandInput, type CommandOutput, inputStream, outputStream } from './streams.ts';

/** The form of a command's output: text, in which bytes that are not UTF-8 are replaced, or bytes. */
export type OutputEncoding = 'utf8' | 'buffer';

/** Output in this form. */
export type OutputOf<Encoding extends OutputEncoding> = Encoding extends 'buffer' ? Buffer : string;

/** The input of a command, the part of its output that is kept, and its limits. */
export interface CaptureOptions<Encoding extends OutputEncoding = 'utf8'> {
  /** Standard input; the command reads nothing when absent. */
  readonly stdin?: CommandInput | undefined;
  /** Gets standard output as it comes, in the place of the result. */
  readonly stdout?: CommandOutput | undefined;
  /** Gets standard error as it comes, in the place of the result. */
  readonly stderr?: CommandOutput | undefined;
  /** The form of the result's output. Default `utf8`. */
  readonly encoding?: Encoding | undefined;
  /**
   * The most bytes of each output that the result holds: with more, the command is killed. `Infinity` is no limit.
   * Default 64 MiB.
   */
  readonly maxOutput?: number | undefined;
  /**
   * Milliseconds: a command that runs longer is killed. The time before its start, such as that of a pull, does not
   * count; `signal` bounds everything. `exec` kills the command alone: processes that it has started go on in the
   * container, as with docker. Default, 0 and `Infinity`: no limit.
   */
  readonly timeout?: number | undefined;
  /** An abort kills the command, and its reason is what the promise rejects with. */
  readonly signal?: AbortSignal | undefined;
}

const outputCheck = takes(
  'a stream of Node or of the web that is written to',
  (value) => hasMethods(value, 'write', 'on') || hasMethods(value, 'getWriter'),
);

/** The checks of the options about a command's streams and limits. */
export const CAPTURE_CHECKS: Checks<CaptureOptions> = {
  stdin: takes(
    'a text, bytes, or a stream of Node or of the web; Readable.from makes one of what is iterated',
    (value) =>
      typeof value === 'string' || isBytes(value) || hasMethods(value, 'pipe', 'on') || hasMethods(value, 'getReader'),
  ),
  stdout: outputCheck,
  stderr: outputCheck,
  encoding: oneOf('utf8', 'buffer'),
  maxOutput: checkBound,
  timeout: checkBound,
  signal: signalCheck,
};

/** How a command ended, and its output: empty where a stream of the caller got it. */
export interface CommandResult<Output = string> {
  /** The status of the command, or 128 plus the number of the signal that ended it. */
  readonly exitCode: number;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** How the command is started by `capture`. */
export interface CaptureRun {
  readonly streams: Streams;
  /** Whether there is standard input. */
  readonly interactive: boolean;
  readonly signal: AbortSignal;
  /** To be called when the command comes next: from then on, `timeout` counts. */
  readonly onStarted: () => void;
}

const MAX_OUTPUT = 64 * 1024 * 1024;
/** The last characters of each output that an error about a limit has. */
const TAIL = 4096;

type Collector = Adapted<Writable> & Pick<BoundedOutput, 'bytes'>;

function collector(most: number, onExceeded: () => void): Collector {
  const { stream, bytes } = boundedOutput(most, onExceeded);
  return { stream, bytes, [Symbol.dispose]: () => {} };
}

/**
 * Runs a command with streams that keep its output.
 * @throws LIMIT_EXCEEDED, with the end of the output in `facts`, beyond `timeout` or `maxOutput`; the reason of
 * `signal`; what `run` throws
 */
export async function capture(
  options: CaptureOptions<OutputEncoding>,
  run: (how: CaptureRun) => Promise<number>,
): Promise<CommandResult<string | Buffer>> {
  const { encoding = 'utf8', maxOutput = MAX_OUTPUT, timeout, signal } = options;
  signal?.throwIfAborted();
  const bounds = new AbortController();
  const tail = (of: Adapted<Writable> | Collector) => ('bytes' in of ? of.bytes().subarray(-TAIL).toString() : '');
  const exceed = (what: string, limit: 'maxOutput' | 'timeout', value: number) =>
    bounds.abort(
      new TsimgError('LIMIT_EXCEEDED', what, {
        where: `${limit}: ${value}`,
        hint: `give it a higher ${limit}`,
        facts: { limit, value, stdout: tail(stdout), stderr: tail(stderr) },
      }),
    );
  const output = (given: CommandOutput | undefined, name: string) =>
    given === undefined
      ? collector(maxOutput, () => exceed(`the command wrote too much to ${name}`, 'maxOutput', maxOutput))
      : outputStream(given, { name, onError: (error) => bounds.abort(error) });
  using stdout = output(options.stdout, 'standard output');
  const isShared = options.stderr !== undefined && options.stderr === options.stdout;
  using stderr = isShared ? stdout : output(options.stderr, 'standard error');
  using stdin = inputStream(options.stdin, (error) => bounds.abort(error));
  let endTimer: (() => void) | undefined;
  const ends = AbortSignal.any([bounds.signal, ...(signal === undefined ? [] : [signal])]);
  try {
    const exitCode = await run({
      streams: { stdin: stdin.stream, stdout: stdout.stream, stderr: stderr.stream },
      interactive: options.stdin !== undefined,
      signal: ends,
      onStarted() {
        if (timeout === undefined) return;
        endTimer ??= afterTime(timeout, () => exceed('the command took too long', 'timeout', timeout));
      },
    });
    // A command that ended before the kill has written too much all the same.
    bounds.signal.throwIfAborted();
    const result = (of: Adapted<Writable> | Collector) => {
      const bytes = 'bytes' in of ? of.bytes() : Buffer.alloc(0);
      return encoding === 'utf8' ? bytes.toString() : bytes;
    };
    return { exitCode, stdout: result(stdout), stderr: result(stderr) };
  } catch (error) {
    ends.throwIfAborted();
    throw error;
  } finally {
    endTimer?.();
  }
}
