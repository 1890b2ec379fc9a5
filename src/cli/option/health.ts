import type { Command } from 'commander';
import type { HealthRequest } from '../../launch/plan/health.ts';
import { wholeNumber } from './parsers.ts';

/** The options of `withHealth`, as commander names them. */
export interface HealthOptions {
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthTimeout?: string;
  readonly healthStartPeriod?: string;
  readonly healthStartInterval?: string;
  readonly healthRetries?: number;
  /** false with `--no-healthcheck`. */
  readonly healthcheck: boolean;
}

/** Adds docker's options about the health check, to a group of the help. */
export function withHealth(command: Command, group = 'Life:'): Command {
  return command
    .optionsGroup(group)
    .option(
      '--health-cmd <command>',
      'a command in the container that succeeds while it is healthy: a line for the shell, or a JSON list ' +
        '(default: the image’s)',
    )
    .option('--health-interval <time>', 'the time between two checks, such as 30s (default: the image’s, or 30s)')
    .option('--health-timeout <time>', 'the longest time of a check (default: the image’s, or 30s)')
    .option(
      '--health-retries <count>',
      'failures in a row until it is unhealthy (default: the image’s, or 3)',
      wholeNumber,
    )
    .option('--health-start-period <time>', 'a time in which failures do not count (default: the image’s, or 0s)')
    .option(
      '--health-start-interval <time>',
      'the time between two checks in the start period (default: the image’s, or 5s)',
    )
    .option('--no-healthcheck', 'do without the image’s health check');
}

/** Returns the request of these options; undefined for none. */
export function healthRequest(options: HealthOptions): HealthRequest | undefined {
  const request = {
    command: options.healthCmd,
    interval: options.healthInterval,
    timeout: options.healthTimeout,
    startPeriod: options.healthStartPeriod,
    startInterval: options.healthStartInterval,
    retries: options.healthRetries,
    ...(options.healthcheck ? {} : { none: true }),
  };
  return Object.values(request).some((value) => value !== undefined) ? request : undefined;
}
