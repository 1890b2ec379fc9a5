import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { FileSection } from './file-section.ts';

/** An entry of a source's list of images. */
export interface NamedImage {
  /** The name as the source spells it; undefined where the image has none. */
  readonly name: string | undefined;
  readonly descriptor: Descriptor;
  /** Whether the entry is a signature or another artifact: it holds no root filesystem. */
  readonly isArtifact?: boolean | undefined;
}

/** A fault of the medium that was tolerated: counted under a name of `rootfs/policy`, or refused by `--strict`. */
export interface Deviation {
  readonly tolerance: 'edited-configs' | 'repeated-members';
  readonly where: string;
}

/** The place of a source, as in containers-policy.json(5): a transport, and a reference or path for it. */
export type SourcePlace =
  | { readonly transport: 'docker'; readonly reference: Reference }
  | { readonly transport: 'docker-archive' | 'oci' | 'oci-archive' | 'dir'; readonly path: string };

/**
 * A place that images are read from: a registry, an archive, a layout, the store. Names are resolved to descriptors;
 * content is read by descriptor only.
 */
export interface Source {
  /** Undefined for the store, whose images were checked by a policy before they were stored. */
  readonly place?: SourcePlace | undefined;
  /** The name of the source in errors: a path or a reference. */
  readonly label: string;
  /** The hint of the error for a name that the source does not know. */
  readonly missingHint?: string | undefined;
  /** The most bytes of a document that are read. Default 4 MiB. */
  readonly documentLimit?: number | undefined;
  /**
   * Returns the manifest or index that a name (tag, full reference or digest) stands for; without a name, the only
   * image. Undefined when the source does not know the name. A source that keeps several images of the same index
   * returns the one that serves `wanted` best.
   * @throws IMAGE_AMBIGUOUS when no name was given and there are several images
   */
  resolve(name?: string, signal?: AbortSignal, wanted?: Platform): Promise<Descriptor | undefined>;
  /**
   * Opens a blob, manifest or index. The stream fails with SIZE_MISMATCH or DIGEST_MISMATCH, and does not end, when the
   * content is not the descriptor's.
   * @throws BLOB_NOT_FOUND
   */
  open(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
  /**
   * Opens a blob at an offset in bytes, at least 0 and below its size, **without verifying it**: for a caller that has
   * the bytes before and verifies the whole. Absent where the medium cannot begin in the middle of a blob.
   * @throws the errors of `open`
   */
  openAt?(descriptor: Descriptor, offset: number, signal?: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /**
   * Finds the file of this machine that holds a blob. The caller verifies the content. Undefined where no file holds
   * the blob, or where it is missing: `open` says why. Absent where blobs are never in files.
   */
  locate?(descriptor: Descriptor, signal?: AbortSignal): Promise<FileSection | undefined>;
  /**
   * Reads a blob's bytes without verifying them: for a caller that verifies in another thread. The request is sent when
   * the first chunk is asked for. The memory of a chunk may be reused once the second chunk after it is asked for.
   * Absent where blobs are in files. @throws the errors of `open`, from the iteration
   */
  fetch?(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Tells that a blob's content turned out wrong. Returns whether it may come from elsewhere when it is opened again.
   * Absent where it lies in one place only.
   */
  distrust?(descriptor: Descriptor): Promise<boolean>;
  /** Returns the tolerated faults of the image with this manifest. */
  deviations?(manifest: Digest): readonly Deviation[];
  /** Lists the referrers of a manifest (signatures, SBOMs). Absent where the medium has no such list. */
  referrers?(subject: Digest, signal?: AbortSignal): Promise<readonly Descriptor[]>;
  /**
   * The manifest at another tag of the image's own repository, where older clients keep signatures (`sha256-HEX.sig`);
   * undefined when there is none. Absent where the medium has no tags.
   */
  attached?(tag: string, signal?: AbortSignal): Promise<Descriptor | undefined>;
  /** Signatures that lie beside the image in files of their own, in order. Absent where the medium has none. */
  signatureFiles?(signal?: AbortSignal): Promise<readonly Buffer[]>;
  /** Lists the images of the source; absent for a registry. */
  list?(signal?: AbortSignal): Promise<readonly NamedImage[]>;
  /** Closes files, connections and locks. Nothing can be read from the source afterwards. */
  close(): Promise<void>;
}
