import type { Timestamp } from '../header.ts';
import { type Place, tarInvalid } from './place.ts';

/**
 * The records of one PAX header: key → value, both as bytes (latin1). The sparse map of GNU version 0.0 repeats its
 * keys, so it is kept apart, in order.
 */
export interface PaxRecords {
  readonly values: ReadonlyMap<string, string>;
  /** The values of `GNU.sparse.offset` and `GNU.sparse.numbytes`, which alternate. */
  readonly sparsePairs: readonly string[];
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
const ZERO = 0x30;
/** A number that can be in range, with any number of zeros before it. */
const NUMBER = /^0*\d{1,16}$/;

/** Above the length of any header: a larger number is no length. */
const MAX_LENGTH = 1e9;

/** Values that readers take as C strings: some would end them at a NUL, others would not. */
const STRING_KEYS = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name']);

/**
 * Parses the content of a PAX header: records of `LENGTH KEY=VALUE\n`, POSIX.1-2017 pax, "pax Extended Header".
 * A later record replaces an earlier one.
 * @throws TAR_INVALID for a record whose length does not fit, without `=`, or with a NUL where a string is
 */
export function parsePax(content: Buffer, place: Place): PaxRecords {
  const values = new Map<string, string>();
  const sparsePairs: string[] = [];
  for (let at = 0; at < content.length; ) {
    const { key, value, end } = parseRecord(content, at, place);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      const isOffset = sparsePairs.length % 2 === 0;
      if (isOffset !== (key === 'GNU.sparse.offset')) throw tarInvalid(place, 'a sparse map is out of order');
      sparsePairs.push(value);
    } else {
      values.set(key, value);
    }
    at = end;
  }
  return { values, sparsePairs };
}

function parseRecord(content: Buffer, start: number, place: Place): { key: string; value: string; end: number } {
  let at = start;
  let length = 0;
  for (; at < content.length && content[at] !== SPACE; at++) {
    const digit = (content[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9 || length > MAX_LENGTH)
      throw tarInvalid(place, 'the length of a PAX record is no number');
    length = length * 10 + digit;
  }
  const end = start + length;
  if (at === start || end > content.length || end < at + 2 || content[end - 1] !== NEWLINE) {
    throw tarInvalid(place, 'the length of a PAX record is wrong');
  }
  const equals = content.indexOf(EQUALS, at + 1);
  if (equals <= at + 1 || equals >= end - 1) throw tarInvalid(place, 'a PAX record has no key');
  const key = content.toString('latin1', at + 1, equals);
  const value = content.toString('latin1', equals + 1, end - 1);
  if (key.includes('\0') || (STRING_KEYS.has(key) && value.includes('\0'))) {
    throw tarInvalid(place, 'a PAX record has a NUL in a string');
  }
  return { key, value, end };
}

/**
 * Parses a decimal that is not negative, with any zeros before it. @throws TAR_INVALID for other text, and beyond 2^53
 */
export function parsePaxNumber(text: string, key: string, place: Place): number {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw tarInvalid(place, `PAX ${key} is no number in range`);
  return value;
}

/**
 * Parses seconds since the epoch with a fraction, to the nanosecond; further digits are dropped.
 * @throws TAR_INVALID for other text, and beyond ±2^53 seconds
 */
export function parsePaxTime(text: string, key: string, place: Place): Timestamp {
  const match = /^(-?)(0*\d{1,16})(?:\.(\d*))?$/.exec(text);
  const whole = Number(match?.[2] ?? Number.NaN);
  if (match === null || !Number.isSafeInteger(whole)) throw tarInvalid(place, `PAX ${key} is no time`);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] !== '-') return { seconds: whole, nanoseconds };
  // -1.25 s is 0.75 s after -2 s
  return nanoseconds === 0
    ? { seconds: 0 - whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1e9 - nanoseconds };
}
