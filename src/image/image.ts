import type { Readable } from 'node:stream';
import type { ImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/manifest.ts';
import type { FileSection } from './file-section.ts';
import type { Deviation } from './source.ts';

/** An immutable view of one image of one platform. Documents are loaded and checked; layers are opened when asked for. */
export interface Image {
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Base first. */
  readonly layers: readonly Layer[];
  /** What was tolerated when it was loaded. */
  readonly deviations?: readonly Deviation[] | undefined;
  /** The documents as digested, never serialised again. */
  readonly raw: { readonly manifest: Uint8Array; readonly config: Uint8Array };
}

/** A layer of an image: its blob is opened when it is needed. */
export interface Layer {
  /** Of the blob as stored: digest and size are of the (mostly) compressed bytes. */
  readonly descriptor: Descriptor;
  /** What to call the blob in errors: where it comes from, and its digest. */
  readonly where?: string | undefined;
  /** Digest of the uncompressed tar; checked by whoever decompresses. */
  readonly diffId: Digest;
  /** The blob as stored. The stream fails instead of ending when size or digest are wrong. */
  open(signal?: AbortSignal): Promise<Readable>;
  /** As of `Source`. */
  locate?(signal?: AbortSignal): Promise<FileSection | undefined>;
  /** As of `Source`. */
  fetch?: ((signal?: AbortSignal) => AsyncIterable<Buffer>) | undefined;
}
