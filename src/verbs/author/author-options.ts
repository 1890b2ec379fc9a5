import type { Digest } from '../../oci/digest.ts';
import type { ReachOptions } from '../registry/sink-options.ts';

/** Where a new image goes, and how registries are reached. */
export interface AuthorOptions extends ReachOptions {
  /** Names in the store. */
  readonly tags?: readonly string[] | undefined;
  /** A SINK, as `copySource` takes it, in the place of the store. */
  readonly output?: string | undefined;
  /** The author, for the config and the history. */
  readonly author?: string | undefined;
  /** A comment for the history. */
  readonly message?: string | undefined;
}

/** A layer of a new image. */
export interface AuthoredLayer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly diffId: Digest;
  /** Bytes, as stored. */
  readonly size: number;
}

/** A new image, and where it is now. */
export interface AuthoredImage {
  /** The image's ID: the digest of its config. */
  readonly id: Digest;
  /** The digest of its manifest. */
  readonly digest: Digest;
  readonly names: readonly string[];
  /** Base first. */
  readonly layers: readonly AuthoredLayer[];
}
