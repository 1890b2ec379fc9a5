import type { Readable } from 'node:stream';
import { streamOf } from '../stream-of.ts';
import { type ByteCursor, createByteCursor } from './byte-cursor.ts';
import { compressionOf, compressionUnsupported, MAGIC_BYTES } from './compression.ts';
import { gunzipMembers } from './gunzip.ts';
import { unzstdFrames } from './unzstd.ts';

/** How content is decompressed. */
export interface DecompressOptions {
  /** Names the content in errors. */
  readonly where: string;
  /**
   * Gets the number of bytes behind the last gzip member that are no gzip. They are ignored. Called once, before the
   * end.
   */
  readonly onTrailing?: ((bytes: number) => void) | undefined;
  /** Whether the reader is done with a chunk when it asks for the next, so that its memory may be used again. */
  readonly reuse?: boolean | undefined;
  /** Whether a core is free for decompressing beside the reader; called for each chunk. Default: yes. */
  readonly hasFreeCore?: (() => boolean) | undefined;
}

/**
 * Decompresses a stream of gzip, zstd or uncompressed content; the first bytes tell which. The size of the result is
 * not bounded. Only the format's own checksums are verified: the source checks the digest of the compressed bytes, the
 * caller the diff ID.
 * @throws COMPRESSION_INVALID, FORMAT_UNSUPPORTED (xz, bzip2), LIMIT_EXCEEDED, and the source's errors, from the stream
 * @example
 * const blob = await layer.open();
 * for await (const { header } of readTar(decompressed(blob, { where: 'the layer' }))) console.log(header.path);
 */
export function decompressed(source: Readable, options: DecompressOptions): Readable {
  return streamOf(source, decompressChunks(source, { ...options, reuse: false }));
}

/**
 * `decompressed` for chunks without a stream; errors of the source pass through. A chunk of the source is not used any
 * more when the second one after it is asked for, so that its memory can be used again.
 */
export async function* decompressChunks(
  chunks: AsyncIterable<Uint8Array>,
  { where, onTrailing = () => {}, reuse = false, hasFreeCore = () => true }: DecompressOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const input = createByteCursor(chunks);
  const compression = compressionOf(await input.peek(MAGIC_BYTES));
  switch (compression) {
    case 'none':
      return yield* rest(input);
    case 'gzip':
      return yield* gunzipMembers(input, { where, onTrailing, reuse, hasFreeCore });
    case 'zstd':
      return yield* unzstdFrames(input, { where, reuse, hasFreeCore });
    case 'xz':
    case 'bzip2':
      throw compressionUnsupported(compression, where);
  }
}

async function* rest(input: ByteCursor): AsyncGenerator<Buffer, void, undefined> {
  for (let chunk = await input.take(); chunk !== undefined; chunk = await input.take()) yield chunk;
}
