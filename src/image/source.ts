import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/platform.ts';
import type { FileSection } from './file-section.ts';

/** An image that a source can name, for listings and for the error that asks to choose. */
export interface NamedImage {
  /** As the source spells it; undefined where the image has no name. */
  readonly name: string | undefined;
  readonly descriptor: Descriptor;
  /** Whether it is a signature or another artifact: no root filesystem can be made of it. */
  readonly isArtifact?: boolean | undefined;
}

/** What was taken though the medium says otherwise: counted, or refused by `--strict`, by a name of `rootfs/policy`. */
export interface Deviation {
  readonly tolerance: 'edited-configs' | 'repeated-members';
  readonly where: string;
}

/** Where images come from: a registry, an archive, a layout, the store. Content is addressed by descriptor only. */
export interface Source {
  /** What to call it in errors: a path or a reference. */
  readonly label: string;
  /** What can be done where it has no image of a name, for errors. */
  readonly missingHint?: string | undefined;
  /** The largest document that is read of it: bytes. Default 4 MiB. */
  readonly documentLimit?: number | undefined;
  /**
   * The manifest or index that a name (tag, full reference or digest) stands for; without a name, the only image.
   * Undefined when there is none of that name. Where it keeps several images of the index that the name stands for, the one
   * that serves `wanted` best.
   * @throws IMAGE_AMBIGUOUS when there are several and none was named
   */
  resolve(name?: string, signal?: AbortSignal, wanted?: Platform): Promise<Descriptor | undefined>;
  /**
   * A blob, manifest or index. The stream fails instead of ending when size or digest are not the descriptor's.
   * @throws BLOB_NOT_FOUND
   */
  open(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable>;
  /**
   * Where a blob lies in a file of this machine, which whoever reads it there verifies; undefined where it lies in none or
   * is missing, then `open` says why. Absent where blobs never lie in files.
   */
  locate?(descriptor: Descriptor, signal?: AbortSignal): Promise<FileSection | undefined>;
  /**
   * A blob's bytes as they come, which whoever reads them verifies: for who does that in another thread. Nothing is asked for
   * before the first chunk is. A chunk's memory may be used again, or be gone, when the second chunk after it is asked for. Absent
   * where they come from nowhere. @throws what `open` throws, from the chunks
   */
  fetch?(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** What was tolerated of the image with this manifest. */
  deviations?(manifest: Digest): readonly Deviation[];
  /** What refers to `subject` (signatures, SBOMs). Absent where the medium cannot say. */
  referrers?(subject: Digest, signal?: AbortSignal): Promise<readonly Descriptor[]>;
  /** The images it holds; absent for a registry. */
  list?(signal?: AbortSignal): Promise<readonly NamedImage[]>;
  /** Frees what the source holds open. Nothing of it can be read afterwards. */
  close(): Promise<void>;
}
