import { TsimgError } from '../errors.ts';
import { SIGNAL_NUMBERS } from './signals.data.ts';

export interface Signal {
  readonly name: string;
  readonly number: number;
}

const LAST_SIGNAL = 64;
const FIRST_REALTIME = 34;

function nameOf(number: number): string {
  const known = Object.entries(SIGNAL_NUMBERS).find(([, each]) => each === number)?.[0];
  return known ?? `SIGRTMIN+${number - FIRST_REALTIME}`;
}

/**
 * Parses docker's spellings of a signal, in either case: `TERM`, `SIGTERM`, `15`, `RTMIN+3`. signal(7), the same on
 * x86-64 and arm64.
 * @throws USAGE
 */
export function parseSignal(text: string): Signal {
  const name = text.toUpperCase().replace(/^SIG/, '');
  const [, min, above = '0', max, below = '0'] =
    /^RT(?:(MIN)(?:\+([0-9]{1,2}))?|(MAX)(?:-([0-9]{1,2}))?)$/.exec(name) ?? [];
  const realtime =
    min !== undefined ? FIRST_REALTIME + Number(above) : max !== undefined ? LAST_SIGNAL - Number(below) : undefined;
  const number = realtime ?? (/^[0-9]{1,2}$/.test(name) ? Number(name) : SIGNAL_NUMBERS[`SIG${name}`]);
  const isRealtime = number !== undefined && number >= FIRST_REALTIME && number <= LAST_SIGNAL;
  const isStandard = number !== undefined && number >= 1 && number < 32 && realtime === undefined;
  if (isRealtime || isStandard) return { number, name: nameOf(number) };
  throw new TsimgError('USAGE', 'not a signal', { where: text, hint: 'a name such as TERM or SIGTERM, or a number' });
}
