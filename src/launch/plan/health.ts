import { TsimgError } from '../../errors.ts';
import { type Healthcheck, parseGoDuration } from '../../oci/healthcheck.ts';
import type { HealthPlan } from '../health.ts';

/**
 * The health check in a request, under the names of the command line's options and in their spelling. A duration or
 * number of 0 is as if it were not given.
 */
export interface HealthRequest {
  /** `--health-cmd`: a line for the shell, or a JSON list; `none` for none. Default: the image's. */
  readonly command?: string | undefined;
  /** `--health-interval`: `30s`, `1m30s`. Default: the image's, or 30s. So with the others. */
  readonly interval?: string | undefined;
  /** `--health-timeout`. Default 30s. */
  readonly timeout?: string | undefined;
  /** `--health-start-period`: failures do not count in it. Default 0s. */
  readonly startPeriod?: string | undefined;
  /** `--health-start-interval`: the interval in that period. Default 5s. */
  readonly startInterval?: string | undefined;
  /** `--health-retries`: failures in a row until the container is unhealthy. Default 3. */
  readonly retries?: number | undefined;
  /** `--no-healthcheck` */
  readonly none?: boolean | undefined;
}

/** The longest time that a timer takes: milliseconds. */
const LONGEST = 2 ** 31 - 1;

function wrong(option: string, where: string, hint: string): TsimgError {
  return new TsimgError('USAGE', 'not a health check', { where: `${option} ${where}`, hint });
}

function parseOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const nanoseconds = parseGoDuration(text);
  if (nanoseconds !== undefined && (nanoseconds === 0 || nanoseconds >= 1e6)) return nanoseconds;
  throw wrong(`--health-${name}`, text, 'a duration such as 30s, 1m30s or 500ms, not shorter than 1ms');
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
}

function parseCommand(text: string): readonly string[] {
  if (text.trim() === '') throw wrong('--health-cmd', text, 'a command for the shell, or a JSON list');
  if (text === 'none') return ['NONE'];
  if (!text.trimStart().startsWith('[')) return ['CMD-SHELL', text];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // So begins the shell's test too: [ -e /ready ]
    return ['CMD-SHELL', text];
  }
  if (!isWords(value)) throw wrong('--health-cmd', text, 'a JSON list holds texts only, at least one');
  return ['CMD', 'CMD-SHELL', 'NONE'].includes(value[0] ?? '') ? value : ['CMD', ...value];
}

function planCommand(test: readonly string[]): readonly string[] | undefined {
  const [kind, ...words] = test;
  if (kind === undefined || kind === 'NONE') return undefined;
  const isRight = words.every((word) => !word.includes('\0')) && words.some((word) => word !== '');
  if (kind === 'CMD' && isRight) return words;
  if (kind === 'CMD-SHELL' && isRight) return ['/bin/sh', '-c', words.join(' ')];
  throw new TsimgError('USAGE', 'the health check of the image is none', {
    where: test.join(' ').slice(0, 200),
    why: 'it must begin with CMD, CMD-SHELL or NONE, and hold a command',
    hint: 'name another one with --health-cmd, or leave it out with --no-healthcheck',
  });
}

/** @throws USAGE where the health check is removed and changed at once */
function checkNone({ none, ...changes }: HealthRequest): void {
  if (!none || Object.values(changes).every((each) => each === undefined)) return;
  throw new TsimgError('USAGE', '--no-healthcheck and --health-… exclude each other', {
    hint: 'leave out one of them',
  });
}

/**
 * Changes the health check of an image as options say; what they do not name stays. `none` makes one that says that
 * there is none.
 * @throws USAGE
 */
export function editHealthcheck(before: Healthcheck | undefined, request: HealthRequest): Healthcheck {
  checkNone(request);
  const { none, command, retries } = request;
  if (none) return { test: ['NONE'] };
  const test = command === undefined ? before?.test : parseCommand(command);
  if (test === undefined || test.length === 0) {
    throw wrong(
      '--health-…',
      'without a command',
      'the image has no health check to change: name one with --health-cmd',
    );
  }
  if (test[0] === 'NONE') return { test };
  planCommand(test);
  const durations = {
    interval: parseOption('interval', request.interval) ?? before?.interval,
    timeout: parseOption('timeout', request.timeout) ?? before?.timeout,
    startPeriod: parseOption('start-period', request.startPeriod) ?? before?.startPeriod,
    startInterval: parseOption('start-interval', request.startInterval) ?? before?.startInterval,
  };
  return { test, ...durations, retries: retries ?? before?.retries };
}

/**
 * Plans the health check of a container: the image's, with the request's changes; undefined for none. As in docker, a
 * duration or number of 0 is the default: in the request the image's, in the image docker's.
 * @throws USAGE
 */
export function planHealth(image: Healthcheck | undefined, request: HealthRequest = {}): HealthPlan | undefined {
  checkNone(request);
  const { none, command, retries } = request;
  const interval = parseOption('interval', request.interval) || image?.interval;
  const timeout = parseOption('timeout', request.timeout) || image?.timeout;
  const startPeriod = parseOption('start-period', request.startPeriod) || image?.startPeriod;
  const startInterval = parseOption('start-interval', request.startInterval) || image?.startInterval;
  const test = command === undefined ? (image?.test ?? []) : parseCommand(command);
  const words = none ? undefined : planCommand(test);
  if (words === undefined) return undefined;
  const time = (nanoseconds: number | undefined, otherwise: number) =>
    nanoseconds === undefined || nanoseconds <= 0 ? otherwise : Math.min(Math.max(nanoseconds / 1e6, 1), LONGEST);
  return {
    command: words,
    interval: time(interval, 30_000),
    timeout: time(timeout, 30_000),
    startPeriod: time(startPeriod, 0),
    startInterval: time(startInterval, 5000),
    retries: retries || (image?.retries ?? 0) || 3,
  };
}
