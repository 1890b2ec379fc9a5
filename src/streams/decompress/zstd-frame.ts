import { TsimgError } from '../../errors.ts';
import { tooManyBytes } from '../limited.ts';
import { compressionInvalid } from './compression.ts';

/** The header of a zstd frame. RFC 8878, section 3.1.1.1. */
export interface ZstdFrameHeader {
  /** Bytes of the header, magic included. */
  readonly bytes: number;
  /** Bytes of content that a decoder keeps in memory, because later content may repeat them. */
  readonly windowBytes: number;
  /** Bytes of the content; undefined where the header does not say. */
  readonly contentBytes: number | undefined;
  readonly hasChecksum: boolean;
  /** Whether the sixth byte of the header gives the window. */
  readonly hasWindowByte: boolean;
}

/** Bytes of the longest header. */
export const MAX_FRAME_HEADER_BYTES = 18;
/** The largest window that zstd(1) decompresses by default. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** Bytes of the largest block, stored and decompressed. */
export const MAX_BLOCK_BYTES = 128 * 1024;

/**
 * Parses the header of a frame. @throws COMPRESSION_INVALID, LIMIT_EXCEEDED for a window beyond 128 MiB,
 * FORMAT_UNSUPPORTED for a dictionary
 */
export function parseFrameHeader(head: Buffer, where: string): ZstdFrameHeader {
  const flags = head[4] ?? 0;
  const single = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeForm = flags >> 6;
  const sizeBytes = sizeForm === 0 ? (single ? 1 : 0) : 2 ** sizeForm;
  const bytes = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes;
  if (head.length < bytes) throw compressionInvalid('zstd', where, 'it ends too early');
  if ((flags & 0x08) !== 0) throw compressionInvalid('zstd', where, 'a frame has unknown flags');
  if (dictionaryBytes > 0 && head.readUIntLE(bytes - sizeBytes - dictionaryBytes, dictionaryBytes) !== 0) {
    throw new TsimgError('FORMAT_UNSUPPORTED', 'zstd with a dictionary is not supported', { where });
  }
  const contentBytes = sizeBytes === 0 ? undefined : readSize(head, bytes - sizeBytes, sizeBytes);
  const windowBytes = single ? (contentBytes ?? 0) : windowOf(head[5] ?? 0);
  if (windowBytes > MAX_WINDOW_BYTES) throw tooManyBytes({ bytes: MAX_WINDOW_BYTES }, `${where}: window of zstd`);
  return { bytes, windowBytes, contentBytes, hasChecksum: (flags & 0x04) !== 0, hasWindowByte: !single };
}

function readSize(head: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return Number(head.readBigUInt64LE(at));
  return head.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

function windowOf(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

/** Returns the window byte for the least power of two that is not below `bytes`, at least 1 KiB. */
export function windowByteFor(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(bytes)) - 10) << 3;
}

/** The header of a block: three bytes. RFC 8878, section 3.1.1.2. */
export interface ZstdBlockHeader {
  readonly isLast: boolean;
  /** Bytes that follow the header. */
  readonly storedBytes: number;
}

/** Parses the header of a block. @throws COMPRESSION_INVALID */
export function parseBlockHeader(head: Buffer, where: string): ZstdBlockHeader {
  if (head.length < 3) throw compressionInvalid('zstd', where, 'it ends too early');
  const word = head.readUIntLE(0, 3);
  const type = (word >> 1) & 3;
  const size = word >> 3;
  if (type === 3 || size > MAX_BLOCK_BYTES) throw compressionInvalid('zstd', where, 'a block is not valid');
  return { isLast: (word & 1) !== 0, storedBytes: type === 1 ? 1 : size };
}
