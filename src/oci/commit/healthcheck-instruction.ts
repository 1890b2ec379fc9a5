import { type Healthcheck, parseGoDuration } from '../healthcheck.ts';

const DURATIONS: Readonly<Record<string, 'interval' | 'timeout' | 'startPeriod' | 'startInterval'>> = {
  interval: 'interval',
  timeout: 'timeout',
  'start-period': 'startPeriod',
  'start-interval': 'startInterval',
};

/**
 * Parses what follows HEALTHCHECK in a Dockerfile: `NONE`, or `[--interval=30s …] CMD …`, a JSON list or a line for the
 * shell.
 * @param words parses a JSON list; undefined for a line
 * @throws the error of `fail`
 */
export function parseHealthcheck(
  text: string,
  words: (text: string) => readonly string[] | undefined,
  fail: (why: string) => Error,
): Healthcheck {
  const options: { -readonly [Key in keyof Healthcheck]?: Healthcheck[Key] } = {};
  let rest = text;
  for (let found = /^--([a-z-]+)=(\S+)\s*/.exec(rest); found !== null; found = /^--([a-z-]+)=(\S+)\s*/.exec(rest)) {
    const [all, name = '', value = ''] = found;
    rest = rest.slice(all.length);
    const key = DURATIONS[name];
    if (key !== undefined) {
      const duration = parseGoDuration(value);
      if (duration === undefined) throw fail(`--${name} takes a duration, such as 30s or 1m30s`);
      options[key] = duration;
    } else if (name === 'retries' && /^[0-9]{1,6}$/.test(value)) options.retries = Number(value);
    else throw fail(`--${name}=${value} is no option of HEALTHCHECK`);
  }
  const [, kind = '', command = ''] = /^(\S+)(?:\s+([\s\S]+))?$/.exec(rest) ?? [];
  if (kind.toUpperCase() === 'NONE' && command === '' && rest === text) return { test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD' || command === '') throw fail('it takes NONE, or CMD and a command');
  const list = words(command);
  if (list?.length === 0) throw fail('the command is empty');
  return { ...options, test: list === undefined ? ['CMD-SHELL', command] : ['CMD', ...list] };
}
