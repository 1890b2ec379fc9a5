import type { Digest } from '../../oci/digest.ts';
import type { LayerEntries, LayerEntry } from '../../rootfs/fold/outcome.ts';
import { DEFAULT_MAX_ENTRIES } from '../../rootfs/tree.ts';
import { createHasher } from '../../streams/hashing.ts';
import type { TarHeader } from '../../tar/header.ts';
import type { TarLimits } from '../../tar/read/limits.ts';
import { createTarReader } from '../../tar/read/read.ts';
import type { ImageLimits } from '../unpack-options.ts';
import type { BodyPool } from '../write/body-pool.ts';
import { bodyWriter, closeBody, type OpenBody } from '../write/body-writer.ts';

export interface ExtractOptions {
  /** Where bodies are written; undefined where only headers are wanted. */
  readonly pool: BodyPool | undefined;
  /** The number of the first body; the following count up. */
  readonly firstBody: number;
  /** The layer, for errors. */
  readonly where: string;
  /** Of the digest over the whole archive: `sha256` (default) or `sha512`. */
  readonly algorithm?: string | undefined;
  /** `maxEntries` bounds this layer's entries, whiteouts among them; `maxHeader` the extended headers of each. */
  readonly limits?: Pick<ImageLimits, 'maxEntries' | 'maxHeader'> | undefined;
}

/** A layer that was read to its end: what it says in memory, what its files hold in the pool. */
export interface ExtractedLayer {
  readonly entries: LayerEntries;
  /** How many bodies were stored. */
  readonly bodies: number;
  /** Bytes of the archive, all of them, behind its end marker too. */
  readonly size: number;
  /** Over the same bytes: the diff ID, which the caller compares. */
  readonly digest: Digest;
}

/**
 * Reads an uncompressed layer to its end, piece by piece (each is done with when the next is asked for), writes the content of its
 * files into the pool and collects its headers.
 * Shares nothing with other layers but the pool, so several can be read at once; decides nothing.
 * Bodies of a layer that fails stay in the pool.
 * @param onPiece is told how long each is, before it is read; what it throws ends the reading
 * @throws TAR_INVALID, LIMIT_EXCEEDED, FILESYSTEM, and what the stream fails with
 */
export async function extractBodies(
  layer: AsyncIterable<Buffer>,
  options: ExtractOptions,
  onPiece: (bytes: number) => void = () => {},
): Promise<ExtractedLayer> {
  const hasher = createHasher(options.algorithm);
  const store = createStore(options);
  const reader = createTarReader(store, { where: options.where, limits: tarLimits(options.limits) });
  try {
    for await (const chunk of layer) {
      onPiece(chunk.length);
      hasher.update(chunk);
      reader.write(chunk);
    }
    reader.end();
  } finally {
    store.abandon();
  }
  const { entries } = store;
  return { entries, bodies: store.bodies, size: hasher.size, digest: hasher.digest() };
}

/** The tar reader's handler. */
function createStore({ pool, firstBody }: ExtractOptions) {
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
    /** Closes what an error left open. */
    abandon(): void {
      if (open !== undefined) closeBody(open);
      open = undefined;
    },
  };
}

function tarLimits({ maxEntries = DEFAULT_MAX_ENTRIES, maxHeader }: Partial<ImageLimits> = {}): Partial<TarLimits> {
  return { entries: maxEntries, ...(maxHeader !== undefined && { extendedHeaderBytes: maxHeader }) };
}
