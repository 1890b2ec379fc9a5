import type { ByteCursor } from './byte-cursor.ts';
import { compressionInvalid } from './compression.ts';

// RFC 1952, section 2.3.1
const FLAGS = { headerCrc: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const;
const FIXED_BYTES = 10;
const DEFLATE = 8;
/** The most bytes of a name or comment, whose length the format does not limit. */
const MAX_TEXT_BYTES = 64 * 1024;

/** Skips the header of a member. @throws COMPRESSION_INVALID */
export async function skipGzipHeader(input: ByteCursor, where: string): Promise<void> {
  const fixed = await input.peek(FIXED_BYTES);
  if (fixed.length < FIXED_BYTES) throw truncated(where);
  const flags = fixed[3] ?? 0;
  if (fixed[2] !== DEFLATE || (flags & FLAGS.reserved) !== 0) {
    throw compressionInvalid('gzip', where, 'a member has an unknown method or unknown flags');
  }
  input.consume(FIXED_BYTES);
  if ((flags & FLAGS.extra) !== 0) {
    const length = await input.peek(2);
    if (length.length < 2) throw truncated(where);
    await skip(input, 2 + length.readUInt16LE(0), where);
  }
  if ((flags & FLAGS.name) !== 0) await skipText(input, where);
  if ((flags & FLAGS.comment) !== 0) await skipText(input, where);
  if ((flags & FLAGS.headerCrc) !== 0) await skip(input, 2, where);
}

/** The content of a member. */
interface Inflated {
  readonly crc: number;
  readonly size: number;
}

/** Takes the last eight bytes of a member and compares them with the inflated content. @throws COMPRESSION_INVALID */
export async function checkGzipTrailer(input: ByteCursor, { crc, size }: Inflated, where: string): Promise<void> {
  const trailer = await input.peek(8);
  if (trailer.length < 8) throw truncated(where);
  if (trailer.readUInt32LE(0) !== crc) throw compressionInvalid('gzip', where, 'its checksum is wrong');
  if (trailer.readUInt32LE(4) !== size % 2 ** 32) throw compressionInvalid('gzip', where, 'its length is wrong');
  input.consume(8);
}

async function skip(input: ByteCursor, count: number, where: string): Promise<void> {
  if ((await input.peek(count)).length < count) throw truncated(where);
  input.consume(count);
}

async function skipText(input: ByteCursor, where: string): Promise<void> {
  for (let wanted = 256; ; wanted *= 2) {
    const bytes = await input.peek(wanted);
    const end = bytes.indexOf(0);
    if (end !== -1 && end < MAX_TEXT_BYTES) {
      input.consume(end + 1);
      return;
    }
    if (bytes.length >= MAX_TEXT_BYTES) throw compressionInvalid('gzip', where, 'a member has too long a name');
    if (bytes.length < wanted) throw truncated(where);
  }
}

export function truncated(where: string) {
  return compressionInvalid('gzip', where, 'it ends too early');
}
