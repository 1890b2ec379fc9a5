import { createByteBudget, type ExpansionLimits } from '../streams/byte-budget.ts';
import { decompressChunks } from '../streams/decompress.ts';
import { collectYoung } from '../sys/collect-young.ts';
import { type StoreBodiesOptions, type StoredLayer, storeBodies } from './store-bodies.ts';

export interface StoreLayerOptions extends StoreBodiesOptions {
  readonly limits?: (StoreBodiesOptions['limits'] & ExpansionLimits) | undefined;
  /** Of `newSpending`: shared by all layers of an image. */
  readonly spending: SharedArrayBuffer;
}

async function* counted<Chunk extends Uint8Array>(
  chunks: AsyncIterable<Chunk>,
  count: (bytes: number) => void,
): AsyncGenerator<Chunk, void, undefined> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}

/**
 * `storeBodies` of a layer as it is stored, compressed or not.
 * @param onTrailing is told, at most once, of bytes behind the compressed archive that are none of it
 * @param hasFreeCore as of `decompressChunks`
 * @throws what `storeBodies` throws, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, and what the chunks fail with
 */
export async function storeLayer(
  stored: AsyncIterable<Uint8Array>,
  options: StoreLayerOptions,
  onTrailing: () => void,
  hasFreeCore?: () => boolean,
): Promise<StoredLayer> {
  const { where, limits, spending } = options;
  const budget = createByteBudget(limits, spending);
  const content = decompressChunks(counted(stored, budget.taken), { where, onTrailing, reuse: true, hasFreeCore });
  return await storeBodies(
    counted(content, (bytes) => {
      budget.given(bytes, where);
      collectYoung(bytes);
    }),
    options,
  );
}
