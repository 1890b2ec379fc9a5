import type { ExpansionLimits } from '../../streams/byte-budget.ts';

export interface SourceLimits extends ExpansionLimits {
  /** Bytes of a manifest, an index or a config. Default 4 MiB. */
  readonly maxDocument?: number | undefined;
}

/** How the wrapping of an archive is taken off. */
export interface UnwrapOptions {
  readonly signal?: AbortSignal | undefined;
  /** How large it may become, and what is in it. */
  readonly limits?: SourceLimits | undefined;
}
