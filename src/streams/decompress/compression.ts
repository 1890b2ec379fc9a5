import { TsimgError, type TsimgErrorOptions } from '../../errors.ts';

/** The compression of bytes, by their first bytes. `none` also for an unknown one. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

/** Bytes that {@link compressionOf} needs, fewer where the content is shorter. */
export const MAGIC_BYTES = 6;

/** Returns the compression whose magic the bytes begin with. Media types are not used, because they are often wrong. */
export function compressionOf(head: Uint8Array): Compression {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  // A skippable frame: output of pzstd begins with one
  if (a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd';
  if (a === 0xfd && b === 0x37 && c === 0x7a && d === 0x58 && head[4] === 0x5a && head[5] === 0) return 'xz';
  if (a === 0x42 && b === 0x5a && c === 0x68) return 'bzip2';
  return 'none';
}

/** Returns the error for compressed bytes that cannot be decompressed. */
export function compressionInvalid(
  format: Compression,
  where: string,
  why: string,
  more: Pick<TsimgErrorOptions, 'cause'> = {},
): TsimgError {
  return new TsimgError('COMPRESSION_INVALID', `not valid ${format} data`, { where, why, facts: { format }, ...more });
}

/** Returns the error for a known compression that tsimg does not read. */
export function compressionUnsupported(format: Compression, where: string): TsimgError {
  return new TsimgError('FORMAT_UNSUPPORTED', `${format} compression is not supported`, {
    where,
    hint: `decompress it first: ${format} -dc FILE | tsimg … -`,
    facts: { format },
  });
}
