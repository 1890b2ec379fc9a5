import { availableParallelism } from 'node:os';
import { giveChunks, takeChunk } from '../../streams/chunk-memory.ts';
import type { ExtractedLayer } from './extract-bodies.ts';
import { type ReadOptions, readDecompressed } from './read-decompressed.ts';
import { type PromisedSection, readFileSection } from './read-file-section.ts';
import { type Promised, verifiedChunks } from './verified-chunks.ts';

/** A layer as it is stored: in a file, or as it comes; who promises nothing has verified it. */
export type LayerBytes =
  | PromisedSection
  | { readonly chunks: AsyncIterable<Uint8Array>; readonly promised?: Promised | undefined };

/** What is told while a layer is read; what is thrown there ends it. */
export interface ReadWatch {
  /** How many bytes were read, where the reader itself reads them in a file. */
  onBytes(done: number): void;
  /** As of `readDecompressed`. */
  onTrailing(): void;
}

/** Reads and stores layers, several at a time. */
export interface LayerReader extends AsyncDisposable {
  /**
   * `readDecompressed` of bytes that it is given or reads itself in a file; it verifies what is promised of them. When it settles, nothing
   * of the layer is at work any more.
   */
  store(
    from: LayerBytes,
    options: ReadOptions,
    watch: ReadWatch,
    signal: AbortSignal | undefined,
  ): Promise<ExtractedLayer>;
}

/** How many layers all threads together are reading. */
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

  /** As of `decompressChunks`. */
  readonly hasFreeCore = (): boolean => Atomics.load(this.#count, 0) < this.#cores;
}

/** What every reader does, in whichever thread it is. @throws what `readDecompressed`, `verifiedChunks`, the chunks and the watch do */
export async function storeFrom(
  from: LayerBytes,
  options: ReadOptions,
  watch: ReadWatch,
  reading: ReadingCount,
): Promise<ExtractedLayer> {
  // Given back when the layer is done with: whoever decompresses may look at the last chunks until then
  const memory = 'chunks' in from ? [] : [takeChunk(), takeChunk(), takeChunk()];
  let isOver = false;
  reading.begin();
  try {
    const chunks =
      'chunks' in from ? from.chunks : readFileSection(from, memory, options.where, watch.onBytes, () => isOver);
    const promised = 'chunks' in from ? from.promised : from;
    const verified = promised && verifiedChunks(chunks, promised);
    const layer = await readDecompressed(verified ?? chunks, options, watch.onTrailing, reading.hasFreeCore);
    verified?.confirm();
    return layer;
  } finally {
    // Who decompresses ahead may have asked for more
    isOver = true;
    reading.end();
    giveChunks(memory);
  }
}

/** A reader in this thread: what else happens here goes on between two chunks. */
export function localReader(reading: ReadingCount): LayerReader {
  return {
    store(from, options, watch, signal) {
      const onBytes = (done: number) => {
        signal?.throwIfAborted();
        watch.onBytes(done);
      };
      return storeFrom(from, options, { ...watch, onBytes }, reading);
    },
    async [Symbol.asyncDispose]() {},
  };
}
