/** Bytes of a block of a tar archive. */
export const BLOCK_BYTES = 512;

const CHECKSUM_OFFSET = 148;
const CHECKSUM_END = 156;
/** The checksum field counts as eight spaces. */
const CHECKSUM_AS_SPACES = 8 * 0x20;

/** Returns the bytes from the end of the content to the next block. Exact up to 2^53. */
export function paddingOf(size: number): number {
  const rest = size % BLOCK_BYTES;
  return rest === 0 ? 0 : BLOCK_BYTES - rest;
}

/** Whether `bytes` from `start` to `end` are all zero. */
export function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** Returns the POSIX checksum of a header: the sum of its bytes, with its own field counted as spaces. */
export function checksumOf(block: Buffer, start: number): number {
  let sum = CHECKSUM_AS_SPACES;
  for (let index = 0; index < CHECKSUM_OFFSET; index++) sum += block[start + index] ?? 0;
  for (let index = CHECKSUM_END; index < BLOCK_BYTES; index++) sum += block[start + index] ?? 0;
  return sum;
}

/**
 * Whether the checksum of a header is `expected`. The bytes are summed as unsigned (POSIX), or as signed, as some old
 * tars did on machines with signed characters.
 */
export function hasChecksum(block: Buffer, start: number, expected: number): boolean {
  const sum = checksumOf(block, start);
  if (sum === expected) return true;
  let high = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    if ((index < CHECKSUM_OFFSET || index >= CHECKSUM_END) && (block[start + index] ?? 0) > 0x7f) high++;
  }
  return sum - 256 * high === expected;
}
