import type { Descriptor } from '../../oci/descriptor.ts';

/** The kinds of findings of a check of the store. */
export const FINDING_KINDS = {
  /** index.json, the list of images, is gone although there are blobs. */
  'list-missing': 'fault',
  'list-damaged': 'fault',
  /** A blob that an image needs has other bytes than its digest says. */
  'blob-damaged': 'fault',
  'blob-missing': 'fault',
  /** A document of the right digest that is no valid manifest, index or config. */
  'document-invalid': 'fault',
  /** The list of the documents that are attached to an image, or the record of an unpacked layer. */
  'record-damaged': 'fault',
  /** Something else than a directory has the name of an unpacked layer. */
  'layer-broken': 'fault',
  /** Blobs of unpacked layers that were dropped on request; they come back when they are read. */
  dropped: 'remark',
  /** Blobs that no image needs. */
  unneeded: 'remark',
  /** Files among the blobs that are none. */
  stray: 'remark',
  /** Downloads that were cut short. */
  unfinished: 'remark',
  /** Files that killed processes have left. */
  leftover: 'remark',
} as const;

/** A kind of {@link StoreFinding}. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** One thing that a check found. A fault is damage; a remark is something that takes room only. */
export interface StoreFinding {
  readonly kind: FindingKind;
  /** A digest, or a path. */
  readonly where: string;
  /** The names of the images that are concerned; a digest for an image without a name. */
  readonly images: readonly string[];
  /** Bytes that a remark is about; 0 for a fault. */
  readonly bytes: number;
  readonly problem: string;
  /** The deed of a repair, in words; undefined where nothing was done. */
  readonly healed?: string | undefined;
}

/** A fault that lies in a blob: what is needed to mend it. */
export interface BlobFault extends StoreFinding {
  readonly blob: Descriptor;
  /** Whether the blob is the index that images were chosen from, which they do without. */
  readonly isOrigin: boolean;
}
