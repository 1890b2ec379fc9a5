import { type Command, InvalidArgumentError } from 'commander';
import type { RequestLimits } from '../../registry/request-limits.ts';

/** The options for how long tsimg waits for a registry, as commander names them. */
export interface PatienceOptions {
  readonly retry?: number;
  readonly retryDelay?: number;
  readonly timeout?: number;
  /** Of verbs that transfer several blobs. */
  readonly concurrency?: number;
  /** Of verbs that read documents. */
  readonly maxDocument?: number | undefined;
}

/** Milliseconds: the longest time that an option takes, an hour. */
const LONGEST = 3_600_000;
/** Milliseconds: the longest time for making a connection, also with a longer `--timeout`. */
const LONGEST_CONNECT = 20_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, '': 1000 };

/** Parses a duration: seconds, or a number with ms, s or m, as Go's tools take it. Returns milliseconds. */
export function parseDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  const milliseconds = number === '' ? Number.NaN : Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
  if (milliseconds <= LONGEST) return milliseconds;
  throw new InvalidArgumentError('It takes seconds, or a number with ms, s or m: an hour at most.');
}

function parseTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === 0) throw new InvalidArgumentError('It takes more than 0 seconds.');
  return milliseconds;
}

function parseRetries(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a whole number, 999 at most.');
}

function parseConcurrency(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a whole number from 1 to 99.');
}

/** Adds the options for how long tsimg waits for a registry. */
export function withPatience(command: Command): Command {
  return command
    .option('--retry <n>', 'how often a request is repeated that fails for a passing reason (default: 4)', parseRetries)
    .option(
      '--retry-delay <time>',
      'the time before the first repetition, doubled each time (default: 500ms)',
      parseDuration,
    )
    .option('--timeout <time>', 'how long a registry may be silent (default: 60s)', parseTimeout);
}

/** Adds the option of verbs that transfer several blobs. */
export function withConcurrency(command: Command): Command {
  return command.option(
    '--concurrency <n>',
    'how many blobs are transferred at a time (default: 6, and 6 more of up to 1 MiB)',
    parseConcurrency,
  );
}

/** Returns these options in the library's words. */
export function requestChoice({
  retry,
  retryDelay,
  timeout,
  concurrency,
  maxDocument,
}: PatienceOptions): RequestLimits {
  const timeouts =
    timeout === undefined
      ? undefined
      : { connect: Math.min(timeout, LONGEST_CONNECT), response: timeout, idle: timeout };
  return { retries: retry, retryDelay, timeouts, concurrency, maxDocument };
}
