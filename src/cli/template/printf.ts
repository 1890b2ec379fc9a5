import { formatJson } from '../show/escape.ts';
import { notFilled } from './template-error.ts';
import { formatValue, kindOf, textOf } from './values.ts';

/** The greatest width and precision: more would only fill memory. */
const MAX_WIDTH = 1000;
const VERB = /%([-+ 0#]*)([0-9]*)(?:\.([0-9]*))?([a-zA-Z%]?)/g;

function wrong(verb: string, value: unknown): Error {
  return notFilled(`printf "${verb}"`, `it cannot show ${kindOf(value)}`, '%v shows any value');
}

function numberOf(verb: string, value: unknown): number {
  if (typeof value === 'number') return value;
  throw wrong(verb, value);
}

function integerOf(verb: string, value: unknown): number {
  const number = numberOf(verb, value);
  if (Number.isInteger(number)) return number;
  throw wrong(verb, value);
}

function hexOf(verb: string, value: unknown): string {
  const text = textOf(value);
  return text === undefined ? integerOf(verb, value).toString(16) : Buffer.from(text).toString('hex');
}

interface Form {
  readonly letter: string;
  readonly verb: string;
  readonly flags: string;
  readonly precision: number | undefined;
}

/** Formats one value, without its width. */
function formatOne({ letter, verb, flags, precision }: Form, value: unknown): string {
  const signed = (text: string, number: number) => (flags.includes('+') && number >= 0 ? `+${text}` : text);
  switch (letter) {
    case 'v':
      return formatValue(value);
    case 's': {
      if (typeof value === 'number' || typeof value === 'boolean') throw wrong(verb, value);
      const shown = formatValue(value);
      return precision === undefined ? shown : [...shown].slice(0, precision).join('');
    }
    case 'q': {
      const text = textOf(value);
      if (text === undefined) throw wrong(verb, value);
      return formatJson(text);
    }
    case 'd':
      return signed(String(integerOf(verb, value)), integerOf(verb, value));
    case 'f':
      return signed(numberOf(verb, value).toFixed(Math.min(precision ?? 6, 100)), numberOf(verb, value));
    case 'x':
      return hexOf(verb, value);
    case 'X':
      return hexOf(verb, value).toUpperCase();
    case 't':
      if (typeof value !== 'boolean') throw wrong(verb, value);
      return String(value);
    default:
      throw notFilled(`printf "${verb}"`, 'it is no verb of tsimg', 'the verbs are %v %s %q %d %f %x %X %t and %%');
  }
}

function pad(text: string, width: number, flags: string): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

/**
 * Formats values as Go's fmt.Sprintf does; values from outside are escaped for a terminal.
 * @throws USAGE for a verb that does not fit its value, and where values are missing or left over
 */
export function sprintf(format: string, values: readonly unknown[]): string {
  let used = 0;
  const text = format.replace(VERB, (verb, flags: string, width: string, point: string | undefined, letter: string) => {
    if (letter === '%') return '%';
    if (Number(width) > MAX_WIDTH || Number(point ?? 0) > MAX_WIDTH) {
      throw notFilled(`printf "${verb}"`, `it is wider than ${MAX_WIDTH}`);
    }
    if (used >= values.length) throw notFilled(`printf ${JSON.stringify(format)}`, 'it needs more values');
    const value = values[used];
    used += 1;
    const precision = point === undefined ? undefined : Number(point);
    return pad(formatOne({ letter, verb, flags, precision }, value), Number(width), flags);
  });
  if (used < values.length) throw notFilled(`printf ${JSON.stringify(format)}`, 'it has more values than it shows');
  return text;
}
