import { TsimgError } from '../../errors.ts';
import { createByteBudget } from '../../streams/byte-budget.ts';
import { decompressChunks } from '../../streams/decompress/decompress.ts';
import { extractBodies } from './extract-bodies.ts';
import type { ExtractedLayer, LayerContext } from './layer-context.ts';

/** Whether bytes other than the promised ones may have caused the error. A decompression bomb is not read on. */
function isDamage(error: unknown): boolean {
  return error instanceof TsimgError && (error.code === 'COMPRESSION_INVALID' || error.code === 'TAR_INVALID');
}

/**
 * `extractBodies` of a layer as it is stored, compressed or not; bounds how far it expands. A damaged layer is read to
 * its end, where a promised digest tells the damage better than the decompressor.
 * @param hasFreeCore as in `decompressChunks`
 * @throws COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, the errors of `extractBodies`, of the chunks and of
 *   `onTrailing`
 */
export async function readDecompressed(
  stored: AsyncIterable<Uint8Array>,
  { options, onTrailing }: LayerContext,
  hasFreeCore?: () => boolean,
): Promise<ExtractedLayer> {
  const { where, limits, spending, isPromised } = options;
  const budget = createByteBudget(limits, spending);
  const source = stored[Symbol.asyncIterator]();
  // Two loops take from it, one after the other. It has no `return`, so that an error in the first does not end it.
  const left = {
    async next() {
      const result = await source.next();
      if (result.done !== true) budget.taken(result.value.length);
      return result;
    },
    [Symbol.asyncIterator]: () => left,
  };
  const content = decompressChunks(left, { where, onTrailing, reuse: true, hasFreeCore });
  try {
    return await extractBodies(content, options, (bytes) => budget.given(bytes, where));
  } catch (error) {
    if (isPromised && isDamage(error)) for await (const _ of left);
    throw error;
  }
}
