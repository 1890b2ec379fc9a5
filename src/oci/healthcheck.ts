/** The health check of an image: `Healthcheck` in docker's config. The OCI image spec has none. */
export interface Healthcheck {
  /** `NONE`; `CMD` and a command; or `CMD-SHELL` and a line for the shell. Empty where an image inherits it. */
  readonly test: readonly string[];
  /** Nanoseconds, as all durations here; 0 and absent stand for the default. */
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly startPeriod?: number | undefined;
  readonly startInterval?: number | undefined;
  /** Failures in a row until the container is unhealthy. */
  readonly retries?: number | undefined;
}

/** Nanoseconds of each unit of Go's durations: µ may be the micro sign or the Greek letter. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  '\u00b5s': 1e3,
  '\u03bcs': 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Parses a duration as Go writes it: `1m30s`, `500ms`, `1.5h`, `0`. Returns nanoseconds; undefined for other texts. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|[u\u00b5\u03bc]s|ms|s|m|h)){1,7}$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit = ''] of text.matchAll(/([0-9.]+)(ns|[u\u00b5\u03bc]s|ms|s|m|h)/g)) {
    sum += Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
  }
  return Number.isSafeInteger(sum) ? sum : undefined;
}

/** Writes a health check as docker's JSON value. */
export function healthcheckDocument(check: Healthcheck): Readonly<Record<string, unknown>> {
  const { test, interval, timeout, startPeriod, startInterval, retries } = check;
  return {
    ...(test.length === 0 ? {} : { Test: test }),
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(startPeriod ? { StartPeriod: startPeriod } : {}),
    ...(startInterval ? { StartInterval: startInterval } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
}
