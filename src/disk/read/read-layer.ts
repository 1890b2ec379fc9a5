import { addAbortSignal, type Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';
import type { FileSection } from '../../image/file-section.ts';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import { type Tolerated, tolerate } from '../../rootfs/tolerated.ts';
import type { UnpackOptions } from '../unpack-options.ts';
import type { BodyPool } from '../write/body-pool.ts';
import type { ExtractedLayer } from './extract-bodies.ts';
import type { LayerReader, ReadWatch } from './layer-reader.ts';
import type { ReadOptions } from './read-decompressed.ts';

/** A layer as it is fed to the fold. */
export interface LayerInput {
  /** What to call it in errors and events. */
  readonly label: string;
  /** Of the uncompressed archive; undefined where nothing says so (a plain tar). */
  readonly diffId: Digest | undefined;
  /** Bytes as stored (compressed), and their digest where something says it. */
  readonly size: number;
  readonly digest?: Digest | undefined;
  /** What to call the stored bytes in errors: where they come from, and their digest; the label without it. */
  readonly blob?: string | undefined;
  /** The layer as it is stored; its stream fails when that is not what its descriptor says. */
  open(signal: AbortSignal | undefined): Promise<Readable>;
  /** Where the layer lies in a file, not verified; undefined where it lies in none. */
  locate?: ((signal: AbortSignal | undefined) => Promise<FileSection | undefined>) | undefined;
  /** Its bytes as they come, not verified; undefined where they are not to be had so. */
  fetch?: ((signal: AbortSignal | undefined) => AsyncIterable<Buffer>) | undefined;
}

export interface ReadLayerOptions extends UnpackOptions {
  /** As of `extractBodies`. */
  readonly pool: BodyPool | undefined;
  readonly firstBody: number;
  readonly tolerated: Tolerated;
  /** As of `readDecompressed`. */
  readonly spending: SharedArrayBuffer;
}

async function* counted(chunks: AsyncIterable<Buffer>, onBytes: (done: number) => void): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const chunk of chunks) {
    done += chunk.length;
    onBytes(done);
    yield chunk;
  }
}

/**
 * Stores a layer's content and checks that it is the layer that the image means.
 * @throws DIFF_ID_MISMATCH, and what `readDecompressed` and the layer's stream fail with
 */
export async function readLayer(
  layer: LayerInput,
  index: number,
  count: number,
  options: ReadLayerOptions,
  reader: LayerReader,
): Promise<ExtractedLayer> {
  const { label, diffId, size } = layer;
  const { onEvent, signal } = options;
  signal?.throwIfAborted();
  onEvent?.({ kind: 'layer-started', diffId: label, index, count, size });
  const stored =
    (await storeSection(layer, options, reader)) ??
    (await storeFetched(layer, options, reader)) ??
    (await storeStream(layer, options, reader));
  if (diffId !== undefined && stored.digest !== diffId) {
    throw new TsimgError('DIFF_ID_MISMATCH', 'a layer is not the one that the image lists', {
      where: label,
      why: `expected ${diffId}, found ${stored.digest}`,
      hint: 'the image was damaged, or put together wrongly: get it again',
      facts: { expected: diffId, found: stored.digest },
    });
  }
  onEvent?.({ kind: 'layer-done', diffId: label, entries: stored.entries.length });
  return stored;
}

function storeOptions({ label, diffId, digest }: LayerInput, options: ReadLayerOptions): ReadOptions {
  const { pool, firstBody, limits, spending } = options;
  const algorithm = diffId === undefined ? undefined : algorithmOf(diffId);
  return { pool, firstBody, where: label, algorithm, limits, spending, isPromised: digest !== undefined };
}

function watchOf({ label, size }: LayerInput, { onEvent, tolerated }: ReadLayerOptions): ReadWatch {
  return {
    onBytes: (done) => onEvent?.({ kind: 'layer-progress', diffId: label, done, size }),
    onTrailing: () => tolerate(tolerated, 'trailing-bytes', label),
  };
}

/** A layer that lies in a file, which the reader itself reads; undefined where it lies in none. */
async function storeSection(
  layer: LayerInput,
  options: ReadLayerOptions,
  reader: LayerReader,
): Promise<ExtractedLayer | undefined> {
  const { label, digest, blob = label } = layer;
  const section = digest === undefined ? undefined : await layer.locate?.(options.signal);
  if (digest === undefined || section === undefined) return undefined;
  try {
    const { descriptor, offset, size } = section;
    // The stream says what is wrong
    if (size !== layer.size) return undefined;
    const from = { descriptor, offset, size, digest, blob };
    return await reader.store(from, storeOptions(layer, options), watchOf(layer, options), options.signal);
  } finally {
    await section.close();
  }
}

/** Bytes that come not verified, which the reader does; undefined where they are not to be had so. */
async function storeFetched(
  layer: LayerInput,
  options: ReadLayerOptions,
  reader: LayerReader,
): Promise<ExtractedLayer | undefined> {
  const { label, digest, size, fetch, blob = label } = layer;
  if (digest === undefined || fetch === undefined) return undefined;
  const stop = new AbortController();
  const watch = watchOf(layer, options);
  try {
    const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const chunks = counted(fetch(signal), watch.onBytes);
    const from = { chunks, promised: { size, digest, blob } };
    return await reader.store(from, storeOptions(layer, options), watch, options.signal);
  } finally {
    // Ends the request for a layer that nobody wants any more
    stop.abort();
  }
}

async function storeStream(layer: LayerInput, options: ReadLayerOptions, reader: LayerReader): Promise<ExtractedLayer> {
  const { signal } = options;
  const watch = watchOf(layer, options);
  const stream = await layer.open(signal);
  // Who reads it is told; an error that comes when nobody reads any more is none
  stream.on('error', () => {});
  if (signal !== undefined) addAbortSignal(signal, stream);
  const chunks = counted(stream, watch.onBytes);
  try {
    const stored = await reader.store({ chunks }, storeOptions(layer, options), watch, signal);
    // A wrong digest is the last thing that a stream tells: whoever decompresses must not have missed it
    if (stream.errored !== null) throw stream.errored;
    return stored;
  } finally {
    stream.destroy();
  }
}
