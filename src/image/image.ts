import type { Readable } from 'node:stream';
import type { ImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/manifest.ts';
import type { FileSection } from './file-section.ts';
import type { Deviation } from './source.ts';

/**
 * One image of one platform, immutable. Its documents are loaded and checked; a layer is opened when it is asked for.
 */
export interface Image {
  /** The descriptor of the manifest. */
  readonly descriptor: Descriptor;
  /** The manifest, checked. */
  readonly manifest: Manifest;
  /** The config, checked. */
  readonly config: ImageConfig;
  /** The layers, base first. */
  readonly layers: readonly Layer[];
  /** The faults of the medium that were tolerated when the image was loaded. */
  readonly deviations?: readonly Deviation[] | undefined;
  /** The bytes of the documents, as they were digested: never serialised again. */
  readonly raw: { readonly manifest: Uint8Array; readonly config: Uint8Array };
}

/** A layer of an image: a tar archive of changes, mostly compressed. */
export interface Layer {
  /** The descriptor of the stored blob: digest and size are those of the compressed bytes. */
  readonly descriptor: Descriptor;
  /** The name of the blob in errors: its source and its digest. */
  readonly where?: string | undefined;
  /** The digest of the uncompressed tar. The caller that decompresses checks it: `open` does not. */
  readonly diffId: Digest;
  /**
   * Opens the blob as it is stored; see {@link decompressed} for the tar in it. The stream fails with SIZE_MISMATCH or
   * DIGEST_MISMATCH, and does not end, when the content is not the descriptor's.
   */
  open(signal?: AbortSignal): Promise<Readable>;
  /** As `openAt` of {@link Source}. */
  openAt?: ((offset: number, signal?: AbortSignal) => Promise<AsyncIterable<Buffer>>) | undefined;
  /** As `distrust` of {@link Source}. */
  distrust?: (() => Promise<boolean>) | undefined;
  /** As `locate` of {@link Source}. */
  locate?(signal?: AbortSignal): Promise<FileSection | undefined>;
  /** As `fetch` of {@link Source}. */
  fetch?: ((signal?: AbortSignal) => AsyncIterable<Buffer>) | undefined;
}
