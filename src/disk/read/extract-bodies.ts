import type { LayerEntry } from '../../rootfs/fold/outcome.ts';
import { DEFAULT_MAX_ENTRIES } from '../../rootfs/tree.ts';
import { createHasher } from '../../streams/hashing.ts';
import type { TarHeader } from '../../tar/header.ts';
import type { TarLimits } from '../../tar/read/limits.ts';
import { createTarReader } from '../../tar/read/read.ts';
import type { ImageLimits } from '../unpack-options.ts';
import { bodyWriter, closeBody, type OpenBody } from '../write/body-writer.ts';
import type { ExtractedLayer, LayerOptions } from './layer-context.ts';

export type ExtractOptions = Pick<LayerOptions, 'pool' | 'firstBody' | 'where' | 'algorithm' | 'limits'>;

/**
 * Reads an uncompressed layer to its end, piece by piece: writes the content of its files into the pool, collects its
 * headers, and digests all of it. A piece is no longer used when the next is asked for. Layers share nothing but the
 * pool, so several can be read at once. Where files belong is not decided here. Bodies of a layer that fails stay in
 * the pool.
 * @param onPiece gets the length of each piece before it is read; an error that it throws ends the reading
 * @throws TAR_INVALID, LIMIT_EXCEEDED, FILESYSTEM, and the errors of the pieces
 */
export async function extractBodies(
  pieces: AsyncIterable<Buffer>,
  options: ExtractOptions,
  onPiece: (bytes: number) => void = () => {},
): Promise<ExtractedLayer> {
  const hasher = createHasher(options.algorithm);
  const handler = createHandler(options);
  const reader = createTarReader(handler, { where: options.where, limits: tarLimits(options.limits) });
  try {
    for await (const piece of pieces) {
      onPiece(piece.length);
      hasher.update(piece);
      reader.write(piece);
    }
    reader.end();
  } finally {
    handler.abandon();
  }
  const { entries, bodies } = handler;
  return { entries, bodies, size: hasher.size, digest: hasher.digest() };
}

/** The tar reader's handler: headers go into a list, content goes into the pool. */
function createHandler({ pool, firstBody }: ExtractOptions) {
  const writer = pool && bodyWriter(pool);
  const entries: LayerEntry[] = [];
  let bodies = 0;
  let open: OpenBody | undefined;
  return {
    entries,
    get bodies() {
      return bodies;
    },
    entry(header: TarHeader): void {
      if (header.kind !== 'file' || header.size === 0) {
        entries.push({ header, body: undefined });
        return;
      }
      const number = firstBody + bodies;
      bodies += 1;
      open = writer?.create(number, header);
      entries.push({ header, body: open?.body ?? { bucket: undefined, name: String(number) } });
    },
    data(chunk: Buffer, position: number): void {
      if (open !== undefined) writer?.write(open, chunk, position);
    },
    end(): void {
      const body = open;
      open = undefined;
      if (body !== undefined) writer?.finish(body);
    },
    /** Closes the body that an error left open. */
    abandon(): void {
      if (open !== undefined) closeBody(open);
      open = undefined;
    },
  };
}

function tarLimits({ maxEntries = DEFAULT_MAX_ENTRIES, maxHeader }: ImageLimits = {}): Partial<TarLimits> {
  return { entries: maxEntries, ...(maxHeader !== undefined && { extendedHeaderBytes: maxHeader }) };
}
