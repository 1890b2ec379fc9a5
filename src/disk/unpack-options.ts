import type { Context } from '../events.ts';
import type { Ownership } from '../rootfs/fold/real-attributes.ts';
import { defaultPolicy, type Policy, policyOf, type Tolerance } from '../rootfs/policy.ts';
import type { TreeLimits } from '../rootfs/tree.ts';
import type { ExpansionLimits } from '../streams/byte-budget.ts';

/**
 * The most that one image may cost, all layers together. An image beyond a limit fails with LIMIT_EXCEEDED, whose hint
 * names the option that raises the limit.
 */
export interface ImageLimits extends ExpansionLimits, TreeLimits {
  /** Bytes of a manifest, an index or a config. Default 4 MiB. */
  readonly maxDocument?: number | undefined;
  /** Bytes of one extended tar header (names, attributes), which is held in memory. Default 1 MiB. */
  readonly maxHeader?: number | undefined;
}

/** How a root filesystem is written. */
export interface UnpackOptions extends Context {
  /** Whether a destination that is not empty is replaced. Default false: it is refused with DESTINATION_EXISTS. */
  readonly force?: boolean | undefined;
  /** Whether each difference from the image is the error POLICY_VIOLATED, unless `policy` names it. Default false. */
  readonly strict?: boolean | undefined;
  /** Exceptions by the name of a tolerance: `{ owners: 'ignore' }`. They win over the defaults and over `strict`. */
  readonly policy?: Readonly<Partial<Policy>> | undefined;
  /** Whether owners are set or recorded in extended attributes. Default: `set` for root, `record` for other users. */
  readonly ownership?: Ownership | undefined;
  readonly limits?: ImageLimits | undefined;
  /**
   * Worker threads that read layers, besides the caller's thread. Default: one reader for each core, as far as there is
   * work.
   */
  readonly threads?: number | undefined;
}

/** The result of an unpacking. */
export interface UnpackReport {
  /** The path of the root filesystem, as the caller gave it. */
  readonly destination: string;
  /** Layers that were applied. */
  readonly layers: number;
  /** Files, directories and links in the result, the root itself not counted. */
  readonly names: number;
  /** How often the result differs from the image, by the name of the tolerance: `owners`, `devices`, … */
  readonly tolerated: ReadonlyMap<Tolerance, number>;
}

export function unpackPolicy({ strict, policy }: Pick<UnpackOptions, 'strict' | 'policy'>): Policy {
  return strict ? policyOf('strict', policy) : defaultPolicy(policy);
}

/** Returns the ownership that the caller can set: only root gives files to other users. */
export function defaultOwnership(): Ownership {
  return process.geteuid?.() === 0 ? 'set' : 'record';
}
