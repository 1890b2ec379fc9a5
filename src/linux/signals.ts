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
  const [, base, offset = '0'] = /^RT(MIN|MAX)(?:[+-]([0-9]{1,2}))?$/.exec(name) ?? [];
  const realtime =
    base === undefined ? undefined : base === 'MIN' ? FIRST_REALTIME + Number(offset) : LAST_SIGNAL - Number(offset);
  const number = realtime ?? (/^[0-9]{1,2}$/.test(name) ? Number(name) : SIGNAL_NUMBERS[`SIG${name}`]);
  const known =
    number !== undefined && number >= 1 && number <= LAST_SIGNAL && (number < 32 || number >= FIRST_REALTIME);
  if (known) return { number, name: nameOf(number) };
  throw new TsimgError('USAGE', 'not a signal', { where: text, hint: 'a name such as TERM or SIGTERM, or a number' });
}
