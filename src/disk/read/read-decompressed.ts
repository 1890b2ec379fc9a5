import { TsimgError } from '../../errors.ts';
import { createByteBudget, type ExpansionLimits } from '../../streams/byte-budget.ts';
import { decompressChunks } from '../../streams/decompress/decompress.ts';
import { type ExtractedLayer, type ExtractOptions, extractBodies } from './extract-bodies.ts';

export interface ReadOptions extends ExtractOptions {
  readonly limits?: (ExtractOptions['limits'] & ExpansionLimits) | undefined;
  /** Whether what the chunks are was promised: then they fail where they are something else, and are bounded. */
  readonly isPromised: boolean;
  /** Of `newSpending`: shared by all layers of an image. */
  readonly spending: SharedArrayBuffer;
}

/** What may be the consequence of bytes that are not those that were promised; a bomb is not read on. */
function isDamage(error: unknown): boolean {
  return error instanceof TsimgError && (error.code === 'COMPRESSION_INVALID' || error.code === 'TAR_INVALID');
}

/**
 * `extractBodies` of a layer as it is stored, compressed or not.
 * @param onTrailing is told, at most once, of bytes behind the compressed archive that are none of it
 * @param hasFreeCore as of `decompressChunks`
 * Damage that its digest tells as well is told by it: that stands at the end, so that all is read to there.
 * @throws what `extractBodies` throws, COMPRESSION_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, and what the chunks fail with
 */
export async function readDecompressed(
  stored: AsyncIterable<Uint8Array>,
  options: ReadOptions,
  onTrailing: () => void,
  hasFreeCore?: () => boolean,
): Promise<ExtractedLayer> {
  const { where, limits, spending, isPromised } = options;
  const budget = createByteBudget(limits, spending);
  const source = stored[Symbol.asyncIterator]();
  // What is left of them, whoever asks; without `return`, for who fails reading does not end it
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
