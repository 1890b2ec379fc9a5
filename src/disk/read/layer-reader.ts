import type { ExtractedLayer, LayerContext } from './layer-context.ts';
import { type LayerBytes, type ReadingCount, readVerified } from './read-verified.ts';

/** Reads layers, several at a time, in this thread or in another. */
export interface LayerReader extends AsyncDisposable {
  /** `readVerified`. When it settles, no part of the layer is being read any more. */
  read(from: LayerBytes, context: LayerContext): Promise<ExtractedLayer>;
}

/** A reader in this thread. Other work of the thread is done between two chunks. */
export function localReader(reading: ReadingCount): LayerReader {
  return {
    read(from, context) {
      const onBytes = (done: number) => {
        context.signal?.throwIfAborted();
        context.onBytes(done);
      };
      return readVerified(from, { ...context, onBytes }, reading);
    },
    async [Symbol.asyncDispose]() {},
  };
}
