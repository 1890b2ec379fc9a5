import type { Context } from '../events.ts';
import type { Ownership } from '../rootfs/fold/real-attributes.ts';
import { defaultPolicy, type Policy, policyOf, type Tolerance } from '../rootfs/policy.ts';
import type { TreeLimits } from '../rootfs/tree.ts';
import type { ExpansionLimits } from '../streams/byte-budget.ts';

/** What is spent on one image at most, all layers together; LIMIT_EXCEEDED beyond it names the option that raises it. */
export interface ImageLimits extends ExpansionLimits, TreeLimits {
  /** Bytes of a manifest, an index or a config, for who opens the image. Default 4 MiB. */
  readonly maxDocument?: number | undefined;
  /** Bytes of one extended header of a tar (names, attributes), which is held in memory. Default 1 MiB. */
  readonly maxHeader?: number | undefined;
}

export interface UnpackOptions extends Context {
  /** Replaces a destination that is not empty. */
  readonly force?: boolean | undefined;
  /** Whether anything that cannot be as the image says is an error, unless `policy` names it. */
  readonly strict?: boolean | undefined;
  /** Exceptions from what is tolerated by default, or from `strict`. */
  readonly policy?: Readonly<Partial<Policy>> | undefined;
  /** By default `set` for root and `record` for others. */
  readonly ownership?: Ownership | undefined;
  readonly limits?: ImageLimits | undefined;
  /** Threads besides the caller's that read layers. By default there is a reader for each core, and no more than there is work for. */
  readonly threads?: number | undefined;
}

/** What was made of an image, and what of it is not as the image says. */
export interface UnpackReport {
  /** Where it lies, as given. */
  readonly destination: string;
  readonly layers: number;
  /** Names made, the root not counted. */
  readonly names: number;
  /** How often tsimg did otherwise than the image says. */
  readonly tolerated: ReadonlyMap<Tolerance, number>;
}

export function unpackPolicy({ strict, policy }: Pick<UnpackOptions, 'strict' | 'policy'>): Policy {
  return strict ? policyOf('strict', policy) : defaultPolicy(policy);
}

/** What the caller can do: only root gives files away. */
export function defaultOwnership(): Ownership {
  return process.geteuid?.() === 0 ? 'set' : 'record';
}
