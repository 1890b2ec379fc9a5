import type { Decompress } from 'fzstd';
import { messageOf } from '../../errors.ts';
import { openZstdDecoder } from '../../sys/library/zstd-decoder.ts';
import { freeChunk, giveChunks } from '../chunk-memory.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { compressionInvalid, compressionOf } from './compression.ts';
import { decodeByHost, takeOutputs } from './decode-by-host.ts';
import {
  MAX_BLOCK_BYTES,
  MAX_FRAME_HEADER_BYTES,
  parseBlockHeader,
  parseFrameHeader,
  windowByteFor,
  type ZstdFrameHeader,
} from './zstd-frame.ts';

const SKIPPABLE_HEADER_BYTES = 8;
/** A frame with at most so many blocks gets a window of their size, even if it asks for a larger one. */
const SMALL_FRAME_BLOCKS = 8;
/** A frame with at most so much content is decoded in this thread: the way to another costs more. */
const SMALL_CONTENT_BYTES = 256 * 1024;

/** As in `DecompressOptions`. */
export interface UnzstdOptions {
  readonly where: string;
  readonly reuse: boolean;
  readonly hasFreeCore: () => boolean;
}

/**
 * Yields the content of all frames of a zstd file; skippable frames are skipped. The layout of frames is checked here
 * (end, sizes, window). The libzstd of the host decodes the blocks where there is one, otherwise fzstd. fzstd does not
 * check the checksum of frames (xxHash64); the diff ID of a layer is checked anyway.
 * @throws COMPRESSION_INVALID, LIMIT_EXCEEDED, FORMAT_UNSUPPORTED
 */
export async function* unzstdFrames(
  input: ByteCursor,
  { where, reuse, hasFreeCore }: UnzstdOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const decoder = openZstdDecoder();
  if (decoder === undefined) {
    // Loaded late: most hosts have a libzstd
    const { Decompress: Decoder } = await import('fzstd');
    yield* decodeFrames(input, where, (header) => decodeFrame(input, header, { where, reuse, Decoder }));
    return;
  }
  const outputs = reuse ? takeOutputs() : undefined;
  try {
    yield* decodeFrames(input, where, (header) => {
      const isSmall = header.contentBytes !== undefined && header.contentBytes <= SMALL_CONTENT_BYTES;
      const options = { format: 'zstd', where, outputs, hasFreeCore: () => !isSmall && hasFreeCore() } as const;
      return decodeByHost(decoder, input, { compressedBytes: 0, size: 0 }, options);
    });
  } finally {
    decoder.close();
    giveChunks(outputs ?? []);
  }
}

async function* decodeFrames(
  input: ByteCursor,
  where: string,
  decode: (header: ZstdFrameHeader) => AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const head = await input.peek(MAX_FRAME_HEADER_BYTES);
    if (head.length === 0) return;
    if (compressionOf(head) !== 'zstd') {
      throw compressionInvalid('zstd', where, head.length < 4 ? 'it ends too early' : 'something else follows a frame');
    }
    if (head[0] === 0x28) yield* decode(parseFrameHeader(head, where));
    else await skipFrame(input, where);
  }
}

async function skipFrame(input: ByteCursor, where: string): Promise<void> {
  const head = await input.peek(SKIPPABLE_HEADER_BYTES);
  if (head.length < SKIPPABLE_HEADER_BYTES) throw compressionInvalid('zstd', where, 'it ends too early');
  let left = head.readUInt32LE(4);
  input.consume(SKIPPABLE_HEADER_BYTES);
  while (left > 0) {
    const bytes = await input.peek(1);
    if (bytes.length === 0) throw compressionInvalid('zstd', where, 'it ends too early');
    const count = Math.min(left, bytes.length);
    input.consume(count);
    left -= count;
  }
}

interface FrameOptions extends Pick<UnzstdOptions, 'where' | 'reuse'> {
  /** fzstd's. */
  readonly Decoder: typeof Decompress;
}

async function* decodeFrame(
  input: ByteCursor,
  header: ZstdFrameHeader,
  { where, reuse, Decoder }: FrameOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const head = Buffer.from((await input.peek(header.bytes)).subarray(0, header.bytes));
  input.consume(header.bytes);
  let decoded: Uint8Array[] = [];
  let size = 0;
  const decoder = new Decoder((chunk) => {
    if (chunk.length > 0) decoded.push(chunk);
  });

  function push(bytes: Uint8Array, isEnd: boolean): void {
    try {
      decoder.push(bytes, isEnd);
    } catch (error) {
      throw compressionInvalid('zstd', where, messageOf(error), { cause: error });
    }
  }

  function* output(): Generator<Buffer, void, undefined> {
    const chunks = decoded;
    decoded = [];
    for (const chunk of chunks) {
      size += chunk.length;
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      // fzstd has a copy of the chunk in its window
      if (reuse) freeChunk(chunk);
    }
  }

  // fzstd moves its whole window for every block, and zstd:chunked has a frame of a few blocks for every file. So the
  // first blocks are held back until the end of the frame, or until there are more of them.
  const held: Buffer[] = [];
  let isHeld = header.hasWindowByte;
  if (!isHeld) push(head, false);
  for (let isLast = false; !isLast; ) {
    const block = parseBlockHeader(await input.peek(3), where);
    const bytes = 3 + block.storedBytes;
    const stored = (await input.peek(bytes)).subarray(0, bytes);
    if (stored.length < bytes) throw compressionInvalid('zstd', where, 'it ends too early');
    isLast = block.isLast;
    if (isHeld) {
      // A copy, because the source keeps fewer chunks than these blocks may span
      held.push(Buffer.from(stored));
      if (isLast) head[5] = Math.min(head[5] ?? 0, windowByteFor(held.length * MAX_BLOCK_BYTES));
      if (isLast || held.length === SMALL_FRAME_BLOCKS) {
        isHeld = false;
        push(Buffer.concat([head, ...held]), false);
        held.length = 0;
      }
    } else {
      push(stored, false);
    }
    input.consume(bytes);
    yield* output();
  }
  if (header.hasChecksum) {
    const checksum = await input.peek(4);
    if (checksum.length < 4) throw compressionInvalid('zstd', where, 'it ends too early');
    push(checksum.subarray(0, 4), false);
    input.consume(4);
  }
  push(Buffer.alloc(0), true);
  yield* output();
  if (header.contentBytes !== undefined && size !== header.contentBytes) {
    throw compressionInvalid('zstd', where, 'a frame has another length than it says');
  }
}
