import { InvalidArgumentError } from 'commander';

/** Parses an option that may be given several times: its values in order. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Parses a number of seconds or lines: no sign, no fraction. */
export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('It takes a whole number.');
  return Number(text);
}
