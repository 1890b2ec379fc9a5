import type { HostDecoder } from '../../sys/library/host-decoder.ts';
import { CHUNK_BYTES, takeChunk } from '../chunk-memory.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { compressionInvalid } from './compression.ts';

export interface DecodeOptions {
  /** For errors. */
  readonly format: 'gzip' | 'zstd';
  readonly where: string;
  /** As in `DecompressOptions`. */
  readonly hasFreeCore: () => boolean;
  /**
   * Two buffers for content, each overwritten when the next chunk is asked for; without them every chunk has memory of
   * its own.
   */
  readonly outputs?: readonly [Buffer, Buffer] | undefined;
}

/** Bytes of a compressed stream, and of its content. */
export interface StreamSizes {
  compressedBytes: number;
  size: number;
}

/** Returns memory for `DecodeOptions.outputs`; `giveChunks` takes it back. */
export function takeOutputs(): readonly [Buffer, Buffer] {
  return [takeChunk(), takeChunk()];
}

type Step =
  | { readonly kind: 'content'; readonly chunk: Buffer; readonly isLast: boolean }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Yields the content of one stream, decoded by a library of the host. Bytes behind its end are given back to the input.
 * Where a core is free, the next chunk is decoded while the reader has the last one.
 * @param told is filled in before the end
 * @throws COMPRESSION_INVALID, and the errors of the input
 */
export async function* decodeByHost(
  decoder: HostDecoder,
  input: ByteCursor,
  told: StreamSizes,
  { format, where, hasFreeCore, outputs }: DecodeOptions,
): AsyncGenerator<Buffer, void, undefined> {
  /** The current work of the library, which uses our memory. */
  let running: Promise<unknown> = Promise.resolve();
  let over = false;
  let givenBytes = 0;
  let isStarved = true;

  async function fill(output: Buffer): Promise<Step> {
    let filled = 0;
    for (;;) {
      if (isStarved && decoder.inputLeft === 0) {
        const next = await input.take();
        if (next === undefined) throw compressionInvalid(format, where, 'it ends too early');
        if (over) return { kind: 'content', chunk: next, isLast: true };
        givenBytes += next.length;
        decoder.give(next);
      }
      const run = decoder.run(output.subarray(filled), hasFreeCore());
      running = run.catch(() => {});
      filled += await run;
      // After a full buffer there may be more content that needs no further input
      isStarved = filled < output.length;
      const isLast = decoder.isFinished;
      if (decoder.failure !== undefined) throw compressionInvalid(format, where, decoder.failure);
      if (isLast || !isStarved) return { kind: 'content', chunk: output.subarray(0, filled), isLast };
    }
  }
  const begin = (output: Buffer): Promise<Step> => fill(output).catch((error: unknown) => ({ kind: 'failed', error }));

  decoder.reset();
  let [output, spare] = outputs ?? [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  let pending = begin(output);
  try {
    for (;;) {
      const step = await pending;
      if (step.kind === 'failed') throw step.error;
      [output, spare] = [spare, outputs === undefined ? Buffer.allocUnsafeSlow(CHUNK_BYTES) : output];
      if (!step.isLast) pending = begin(output);
      told.size += step.chunk.length;
      if (step.chunk.length > 0) yield step.chunk;
      if (step.isLast) break;
    }
  } finally {
    over = true;
    await running;
  }
  const unused = decoder.unused();
  if (unused.length > 0) input.putBack(unused);
  told.compressedBytes = givenBytes - unused.length;
}
