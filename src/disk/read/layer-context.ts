import type { Digest } from '../../oci/digest.ts';
import type { LayerEntries } from '../../rootfs/fold/outcome.ts';
import type { ImageLimits } from '../unpack-options.ts';
import type { BodyPool } from '../write/body-pool.ts';

/** The way to read one layer. Plain data: it can be sent to another thread. */
export interface LayerOptions {
  /** The layer, for errors. */
  readonly where: string;
  /** The pool for bodies; undefined where only headers are wanted. */
  readonly pool: BodyPool | undefined;
  /** The number of the first body; the following count up. */
  readonly firstBody: number;
  /** The algorithm of the digest over the uncompressed archive: `sha256` (default) or `sha512`. */
  readonly algorithm?: string | undefined;
  /** `maxEntries` and `maxHeader` bound this layer, `maxSize` and `maxRatio` all layers that share `spending`. */
  readonly limits?: ImageLimits | undefined;
  /** Of `newSpending`: shared by all layers of an image. */
  readonly spending: SharedArrayBuffer;
  /**
   * Whether the stored bytes have a promised digest: then reading other bytes fails, and is bounded.
   */
  readonly isPromised: boolean;
}

/** Callbacks while a layer is read. An error that one of them throws ends the reading. */
export interface LayerWatch {
  /** Gets how many of the stored bytes were read, where the reader itself reads them in a file. */
  onBytes(done: number): void;
  /** Is called at most once, for bytes behind the compressed archive that do not belong to it. */
  onTrailing(): void;
}

/** The context of all steps of reading one layer. */
export interface LayerContext extends LayerWatch {
  readonly options: LayerOptions;
  readonly signal: AbortSignal | undefined;
}

/** A layer that was read to its end: its headers are in memory, the content of its files is in the pool. */
export interface ExtractedLayer {
  readonly entries: LayerEntries;
  /** Bodies that were written. */
  readonly bodies: number;
  /** Bytes of the uncompressed archive, those behind its end marker too. */
  readonly size: number;
  /** Over the same bytes: the diff ID, which the caller compares. */
  readonly digest: Digest;
}
