import { addAbortSignal, type Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import type { FileSection } from '../../image/file-section.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ExtractedLayer, LayerContext } from './layer-context.ts';
import type { LayerReader } from './layer-reader.ts';

/** A layer of an image, and the ways to its bytes. */
export interface LayerInput {
  /** Names the layer in errors and events. */
  readonly label: string;
  /** The digest of the uncompressed archive; undefined where nothing says it (a plain tar). */
  readonly diffId: Digest | undefined;
  /** Bytes as stored (compressed), and their digest where something says it. */
  readonly size: number;
  readonly digest?: Digest | undefined;
  /** Names the stored bytes in errors: where they come from, and their digest; the label when absent. */
  readonly blob?: string | undefined;
  /** Opens the stored layer; the stream fails when it is not the one that its descriptor says. */
  open(signal: AbortSignal | undefined): Promise<Readable>;
  /** Opens the section of a file that has the layer, not verified; undefined where no file has it. */
  locate?: ((signal: AbortSignal | undefined) => Promise<FileSection | undefined>) | undefined;
  /** Yields the stored bytes as they arrive, not verified; undefined where the source verifies them itself. */
  fetch?: ((signal: AbortSignal | undefined) => AsyncIterable<Buffer>) | undefined;
}

/**
 * Reads a layer from the image's source, and checks that it is the layer that the image lists.
 * @throws DIFF_ID_MISMATCH, and the errors of `readVerified` and of the layer's stream
 */
export async function readLayer(
  layer: LayerInput,
  reader: LayerReader,
  context: LayerContext,
): Promise<ExtractedLayer> {
  const { label, diffId } = layer;
  const extracted =
    (await readSection(layer, reader, context)) ??
    (await readFetched(layer, reader, context)) ??
    (await readStream(layer, reader, context));
  if (diffId !== undefined && extracted.digest !== diffId) {
    throw new TsimgError('DIFF_ID_MISMATCH', 'a layer is not the one that the image lists', {
      where: label,
      why: `expected ${diffId}, found ${extracted.digest}`,
      hint: 'the image was damaged, or put together wrongly: get it again',
      facts: { expected: diffId, found: extracted.digest },
    });
  }
  return extracted;
}

/** Lets the reader read the layer in a file; undefined where it lies in none. */
async function readSection(
  layer: LayerInput,
  reader: LayerReader,
  context: LayerContext,
): Promise<ExtractedLayer | undefined> {
  const { label, digest, blob = label } = layer;
  const section = digest === undefined ? undefined : await layer.locate?.(context.signal);
  if (digest === undefined || section === undefined) return undefined;
  try {
    const { descriptor, offset, size } = section;
    // Reading the stream gives the error for a wrong size
    if (size !== layer.size) return undefined;
    return await reader.read({ descriptor, offset, size, digest, blob }, context);
  } finally {
    await section.close();
  }
}

/** Lets the reader verify the bytes as they arrive; undefined where the source verifies them itself. */
async function readFetched(
  layer: LayerInput,
  reader: LayerReader,
  context: LayerContext,
): Promise<ExtractedLayer | undefined> {
  const { label, digest, size, fetch, blob = label } = layer;
  if (digest === undefined || fetch === undefined) return undefined;
  const stop = new AbortController();
  try {
    const signal = AbortSignal.any([stop.signal, ...(context.signal === undefined ? [] : [context.signal])]);
    return await reader.read({ chunks: counted(fetch(signal), context), promised: { size, digest, blob } }, context);
  } finally {
    // Ends a request whose answer was not read to its end
    stop.abort();
  }
}

/** Lets the reader read a stream that verifies its bytes. */
async function readStream(layer: LayerInput, reader: LayerReader, context: LayerContext): Promise<ExtractedLayer> {
  const { signal } = context;
  const stream = await layer.open(signal);
  // The loop over the stream gets its errors. After the loop an error does no harm.
  stream.on('error', () => {});
  if (signal !== undefined) addAbortSignal(signal, stream);
  try {
    const extracted = await reader.read({ chunks: counted(stream, context) }, context);
    // A stream reports a wrong digest at its end, and a decompressor may not have waited for it
    if (stream.errored !== null) throw stream.errored;
    return extracted;
  } finally {
    stream.destroy();
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, { onBytes }: LayerContext): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const chunk of chunks) {
    done += chunk.length;
    onBytes(done);
    yield chunk;
  }
}
