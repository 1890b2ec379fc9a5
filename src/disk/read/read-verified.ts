import { availableParallelism } from 'node:os';
import { giveChunks, takeChunk } from '../../streams/chunk-memory.ts';
import type { ExtractedLayer, LayerContext } from './layer-context.ts';
import { readDecompressed } from './read-decompressed.ts';
import { type PromisedSection, readFileSection } from './read-file-section.ts';
import { type Promised, verifiedChunks } from './verified-chunks.ts';

/** The stored bytes of a layer: a section of a file, or chunks. Chunks without a promise are verified already. */
export type LayerBytes =
  | PromisedSection
  | { readonly chunks: AsyncIterable<Uint8Array>; readonly promised?: Promised | undefined };

/** Counts the layers that all threads together are reading. */
export class ReadingCount {
  readonly #count: Int32Array;
  readonly #cores = availableParallelism();

  /** @param memory 4 bytes, which threads share */
  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory);
  }

  begin(): void {
    Atomics.add(this.#count, 0, 1);
  }

  end(): void {
    Atomics.sub(this.#count, 0, 1);
  }

  /** As in `decompressChunks`. */
  readonly hasFreeCore = (): boolean => Atomics.load(this.#count, 0) < this.#cores;
}

/**
 * `readDecompressed` of bytes that are checked against their promised size and digest. It reads a section of a file
 * itself, in the caller's thread.
 * @throws SIZE_MISMATCH, DIGEST_MISMATCH, FILESYSTEM, and the errors of `readDecompressed`, of the chunks and of
 *   `onBytes`
 */
export async function readVerified(
  from: LayerBytes,
  context: LayerContext,
  reading: ReadingCount,
): Promise<ExtractedLayer> {
  // Given back at the end only: until then the decompressor may look at the last chunks
  const memory = 'chunks' in from ? [] : [takeChunk(), takeChunk(), takeChunk()];
  let isOver = false;
  reading.begin();
  try {
    const chunks = 'chunks' in from ? from.chunks : readFileSection(from, { memory, context, isOver: () => isOver });
    const promised = 'chunks' in from ? from.promised : from;
    const verified = promised && verifiedChunks(chunks, promised);
    const layer = await readDecompressed(verified ?? chunks, context, reading.hasFreeCore);
    verified?.confirm();
    return layer;
  } finally {
    // A decompressor that runs ahead may have asked for more
    isOver = true;
    reading.end();
    giveChunks(memory);
  }
}
