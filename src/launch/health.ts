/** The health check of a container. Durations are milliseconds. */
export interface HealthPlan {
  /** Runs in the container, as its first command does. Exit status 0 means healthy. */
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** The result of one check. */
export interface HealthResult {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  /** -1 where the command could not be run, or took too long. */
  readonly exitCode: number;
  /** The start of the output, or the reason of -1. */
  readonly output: string;
}

/** What is known of a container's health. */
export interface HealthState {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The last results, oldest first. */
  readonly log: readonly HealthResult[];
}

/** The health of a container that has just been started. */
export const NEW_HEALTH: HealthState = { status: 'starting', failingStreak: 0, log: [] };

/** docker's number of results. */
const MAX_RESULTS = 5;

/**
 * Returns the health after one more result, as docker decides: a success makes the container healthy, failures in a row
 * make it unhealthy. While it starts, failures in its start period do not count.
 * @param sinceStart milliseconds from the container's start to that of the check
 */
export function nextHealth(
  before: HealthState,
  result: HealthResult,
  { retries, startPeriod }: HealthPlan,
  sinceStart: number,
): HealthState {
  const log = [...before.log, result].slice(-MAX_RESULTS);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const counts = before.status !== 'starting' || sinceStart >= startPeriod;
  const failingStreak = before.failingStreak + (counts ? 1 : 0);
  return { status: failingStreak >= retries ? 'unhealthy' : before.status, failingStreak, log };
}
