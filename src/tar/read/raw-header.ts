import { hasChecksum } from '../block.ts';
import { parseNumeric, parseOctal } from './numeric.ts';
import { type Place, tarInvalid } from './place.ts';

/** The layout of the last 255 bytes of a header: POSIX has a prefix there, GNU times and a sparse map, v7 nothing. */
export type HeaderFormat = 'v7' | 'ustar' | 'gnu';

/** The fields of one header block, before PAX and GNU extensions. Names are bytes (latin1). */
export interface RawHeader {
  readonly format: HeaderFormat;
  /** One character; '\0' means a regular file in v7. */
  readonly typeflag: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes, never negative. */
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/*
 * Byte table, POSIX.1-2017 pax, "ustar Interchange Format":
 *   0 name 100 · 100 mode 8 · 108 uid 8 · 116 gid 8 · 124 size 12 · 136 mtime 12 · 148 checksum 8 · 156 typeflag 1
 *   157 linkname 100 · 257 magic 6 · 263 version 2 · 265 uname 32 · 297 gname 32 · 329 devmajor 8 · 337 devminor 8
 *   345 prefix 155 (ustar)
 */
const DEVICE_TYPES = new Set(['3', '4']);

const PREFIX = 345;
/** A field that can be a time of GNU tar: octal digits, with spaces or NULs around them, or base-256. */
const GNU_TIME = /^(?:[ \0]*[0-7]*[ \0]*|[\x80-\xff].*)$/s;
const ASCII = /^[\x01-\x7f]*$/;

/**
 * Returns the prefix of the name. GNU tar has times and the sparse map in the place of the POSIX prefix; star has times
 * behind a shorter prefix. Go before 1.8 (docker up to 1.13) wrote a prefix under the magic of GNU too, for a large
 * number with a long name: bytes that are no time are a prefix there, as for later versions of Go.
 */
function prefixOf(bytes: Buffer, start: number, format: HeaderFormat): string {
  const at = start + PREFIX;
  const length = hasText(bytes, start + 508, 'tar\0') ? 131 : 155;
  if (format === 'ustar') return cString(bytes, at, length);
  const areTimes = [at, at + 12].every((field) => GNU_TIME.test(bytes.toString('latin1', field, field + 12)));
  const prefix = areTimes ? '' : cString(bytes, at, 155);
  return ASCII.test(prefix) ? prefix : '';
}

/** Returns the bytes up to the first NUL. */
function cString(block: Buffer, start: number, length: number): string {
  let end = start;
  while (end < start + length && block[end] !== 0) end++;
  return end === start ? '' : block.toString('latin1', start, end);
}

/** Whether the bytes from `start` are these characters. It runs for every header, and is faster than making a text. */
function hasText(block: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (block[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/**
 * Decodes the header block of `bytes` at `start`.
 * @throws TAR_INVALID when the checksum is wrong or a number is none
 */
export function decodeRawHeader(bytes: Buffer, start: number, place: Place): RawHeader {
  const expected = parseOctal(bytes, start + 148, 8, 'the checksum', place);
  if (!hasChecksum(bytes, start, expected)) throw tarInvalid(place, 'the checksum of a header is wrong');
  const format = formatOf(bytes, start);
  const typeflag = String.fromCharCode(bytes[start + 156] ?? 0);
  const size = parseNumeric(bytes, start + 124, 12, 'the size', place);
  if (size < 0) throw tarInvalid(place, 'the size is negative');
  const name = cString(bytes, start, 100);
  const prefix = bytes[start + PREFIX] === 0 || format === 'v7' ? '' : prefixOf(bytes, start, format);
  // Old writers leave arbitrary bytes in the device fields of files
  const device = format !== 'v7' && DEVICE_TYPES.has(typeflag);
  return {
    format,
    typeflag,
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkPath: cString(bytes, start + 157, 100),
    mode: parseNumeric(bytes, start + 100, 8, 'the mode', place),
    uid: parseNumeric(bytes, start + 108, 8, 'the uid', place),
    gid: parseNumeric(bytes, start + 116, 8, 'the gid', place),
    size,
    mtime: parseNumeric(bytes, start + 136, 12, 'the mtime', place),
    deviceMajor: device ? parseNumeric(bytes, start + 329, 8, 'the device number', place) : 0,
    deviceMinor: device ? parseNumeric(bytes, start + 337, 8, 'the device number', place) : 0,
  };
}

function formatOf(bytes: Buffer, start: number): HeaderFormat {
  if (hasText(bytes, start + 257, 'ustar  \0')) return 'gnu';
  return hasText(bytes, start + 257, 'ustar\0') ? 'ustar' : 'v7';
}
