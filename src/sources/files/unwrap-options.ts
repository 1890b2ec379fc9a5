import type { ExpansionLimits } from '../../streams/byte-budget.ts';

/** The most that a source of images may give: bytes, entries, ratios. */
export interface SourceLimits extends ExpansionLimits {
  /** Bytes of a manifest, an index or a config. Default 4 MiB. */
  readonly maxDocument?: number | undefined;
}

/** How an archive is decompressed. */
export interface UnwrapOptions {
  readonly signal?: AbortSignal | undefined;
  /** The most bytes of the decompressed archive, and of a document in it. */
  readonly limits?: SourceLimits | undefined;
}
