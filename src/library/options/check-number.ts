import { TsimgError } from '../../errors.ts';

/** The longest time that a timer of Node takes: with a longer one, it fires at once. Milliseconds. */
const LONGEST = 2 ** 31 - 1;

function wrong(option: string, value: unknown, hint: string): TsimgError {
  return new TsimgError('USAGE', 'not a number that this option takes', { where: `${option}: ${String(value)}`, hint });
}

/** Checks a whole number, from `least` to `most`. @throws USAGE with the option's name */
export function checkWhole(
  option: string,
  value: unknown,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): void {
  if (value === undefined) return;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  throw wrong(option, value, `a whole number from ${least}${upTo}`);
}

/** Checks a bound, which `Infinity` lifts. @throws USAGE with the option's name */
export function checkBound(option: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw wrong(option, value, 'a number from 0, or Infinity for no limit');
}

/** Checks a pause between two attempts: milliseconds. @throws USAGE with the option's name */
export function checkPause(option: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= LONGEST)) return;
  throw wrong(option, value, `milliseconds: a number from 0 to ${LONGEST}`);
}

/**
 * Calls `action` when a time is over, however long it is; 0 and `Infinity` are no limit. The returned function ends the
 * wait.
 */
export function afterTime(milliseconds: number, action: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (left: number) => {
    timer = setTimeout(() => (left > LONGEST ? wait(left - LONGEST) : action()), Math.min(left, LONGEST));
  };
  if (milliseconds > 0 && milliseconds !== Number.POSITIVE_INFINITY) wait(milliseconds);
  return () => clearTimeout(timer);
}
