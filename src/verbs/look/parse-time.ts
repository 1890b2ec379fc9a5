import { TsimgError } from '../../errors.ts';

/** Seconds of each unit of Go's time spans, and of a day. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  '\u00b5s': 1e-6,
  '\u03bcs': 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};
const SPAN = /([0-9]+(?:\.[0-9]+)?)(ns|[u\u00b5\u03bc]s|ms|s|m|h|d)/g;
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}(?::[0-9]{2}){1,2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?$/;

/**
 * Parses a time as docker does: RFC 3339, also without a zone or a time of day, which are this host's; seconds since
 * 1970, with a fraction; or a time span before now (`90s`, `1h30m`, `1.5h`). @throws USAGE
 */
export function parseTime(text: string, now: Date): Date {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (text !== '' && text.replace(SPAN, '') === '') {
    const seconds = [...text.matchAll(SPAN)].reduce(
      (sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 1),
      0,
    );
    return new Date(now.getTime() - seconds * 1000);
  }
  // A date alone would be taken for one of UTC.
  const time = DATE.test(text) ? new Date(text.length === 10 ? `${text}T00:00:00` : text) : undefined;
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new TsimgError('USAGE', 'not a time', {
    where: text,
    hint: 'write it like 2024-01-31T12:00:00Z, 2024-01-31, 90s or 1h30m',
  });
}
