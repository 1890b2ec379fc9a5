import { type Place, tarInvalid } from './place.ts';

const SPACE = 0x20;
const ZERO = 0x30;

/**
 * Parses a numeric field of a header: octal digits, or base-256 in two's complement when the first bit is set (GNU,
 * star). An empty field is 0: old tars left unused fields empty.
 * @throws TAR_INVALID for other characters, and for numbers beyond ±2^53
 */
export function parseNumeric(block: Buffer, start: number, length: number, what: string, place: Place): number {
  const first = block[start] ?? 0;
  return first >= 0x80
    ? parseBase256(block, start, length, what, place)
    : parseOctal(block, start, length, what, place);
}

/** Parses octal digits with spaces or NULs before them, and a space or NUL behind. @throws TAR_INVALID */
export function parseOctal(block: Buffer, start: number, length: number, what: string, place: Place): number {
  const end = start + length;
  let index = start;
  while (index < end && (block[index] === SPACE || block[index] === 0)) index++;
  let value = 0;
  for (; index < end; index++) {
    const digit = (block[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  // "12 34" is refused: GNU tar reads 12, and two readers must not read two sizes in one field
  while (index < end && block[index] === SPACE) index++;
  if (index < end && block[index] !== 0) throw tarInvalid(place, `${what} is not octal`);
  return value;
}

/** Bit 7 marks the form, bit 6 is the sign; the rest is big-endian two's complement. */
function parseBase256(block: Buffer, start: number, length: number, what: string, place: Place): number {
  const first = block[start] ?? 0;
  const negative = (first & 0x40) !== 0;
  let value = negative ? (first & 0x7f) - 0x80 : first & 0x7f;
  for (let index = start + 1; index < start + length; index++) {
    value = value * 256 + (block[index] ?? 0);
    if (!Number.isSafeInteger(value)) throw tarInvalid(place, `${what} is out of range`);
  }
  return value;
}
