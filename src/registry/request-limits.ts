import type { Timeouts } from './http/phases.ts';

/**
 * How often a registry is asked, how long it may be silent, and how much is taken from it. What is absent has its
 * default.
 */
export interface RequestLimits {
  /**
   * The most repetitions of a request that fails for a passing reason; 0 for none. Default: 4. They are counted anew
   * when content has arrived.
   */
  readonly retries?: number | undefined;
  /** Milliseconds before the first repetition; doubled each time, up to 15 seconds. Default: 500. */
  readonly retryDelay?: number | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** The most bytes of a manifest or index. Default: 4 MiB. */
  readonly maxDocument?: number | undefined;
  /** How many blobs are transferred at a time. Default: 6, and 6 more of at most 1 MiB. */
  readonly concurrency?: number | undefined;
}
