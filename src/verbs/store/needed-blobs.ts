import { statSync } from 'node:fs';
import { checkContent } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../../oci/document.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { attachedFile, readAttached } from '../../store/attached.ts';
import { blobPath } from '../../store/layout-names.ts';
import type { StoredImage } from '../../store/names.ts';
import type { Store } from '../../store/open.ts';
import { readLayoutFile } from '../../store/read-layout-file.ts';
import type { StoreFinding } from './finding.ts';

/** A blob that images of the store need. */
export interface NeededBlob {
  readonly descriptor: Descriptor;
  /** The names of the images. */
  readonly images: Set<string>;
  /** Whether images only came from it: the index that they were chosen from. Its size is that of its file. */
  readonly isOrigin: boolean;
}

/** All blobs that the images of a store need, and what is wrong with the documents that say so. */
export interface NeededBlobs {
  readonly blobs: ReadonlyMap<Digest, NeededBlob>;
  readonly findings: readonly StoreFinding[];
}

/** The name of an image in findings. */
const labelOf = ({ name, descriptor }: StoredImage): string => name ?? descriptor.digest;

/** Reads a document of the store; undefined where it is missing or damaged, which the check of all blobs tells. */
async function readRight(store: Store, descriptor: Descriptor): Promise<Buffer | undefined> {
  const path = blobPath(store.root, descriptor.digest);
  try {
    const bytes = await readLayoutFile(path, Math.max(descriptor.size, MAX_DOCUMENT_BYTES));
    if (bytes !== undefined) checkContent(bytes, descriptor, path);
    return bytes;
  } catch (error) {
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/** The descriptors that a document holds; undefined for a blob that is none. @throws DOCUMENT_INVALID */
function childrenOf({ mediaType }: Descriptor, bytes: Buffer, where: string): readonly Descriptor[] {
  if (documentKindOf(mediaType) === 'index') return parseImageIndex(bytes, mediaType, where).manifests;
  const { config, layers } = parseManifest(bytes, mediaType, where);
  return [config, ...layers];
}

/** Collects what the images of the store need. @throws FILESYSTEM */
export async function neededBlobs(store: Store, images: readonly StoredImage[]): Promise<NeededBlobs> {
  const blobs = new Map<Digest, NeededBlob>();
  const findings = new Map<string, StoreFinding>();
  const need = (descriptor: Descriptor, image: string): boolean => {
    const known = blobs.get(descriptor.digest) ?? { descriptor, images: new Set(), isOrigin: false };
    blobs.set(descriptor.digest, known);
    if (known.images.has(image)) return false;
    known.images.add(image);
    return true;
  };
  const tell = (finding: StoreFinding) => findings.set(finding.where, finding);
  const visit = async (descriptor: Descriptor, image: string): Promise<void> => {
    const kind = documentKindOf(descriptor.mediaType);
    if (!need(descriptor, image) || (kind !== 'index' && kind !== 'manifest')) return;
    await visitAttached(descriptor.digest, image);
    const bytes = await readRight(store, descriptor);
    if (bytes === undefined) return;
    try {
      for (const child of childrenOf(descriptor, bytes, descriptor.digest)) await visit(child, image);
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      const { digest } = descriptor;
      tell({ kind: 'document-invalid', where: digest, images: [image], bytes: 0, problem: error.message });
    }
  };
  const visitAttached = async (subject: Digest, image: string) => {
    try {
      for (const { descriptor } of await readAttached(store, subject)) await visit(descriptor, image);
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      const where = attachedFile(store, subject);
      tell({ kind: 'record-damaged', where, images: [image], bytes: 0, problem: error.message });
    }
  };
  /**
   * An index that images were chosen from may be missing, unless another image needs it. Then it has the names of both,
   * since the registry of either may have it.
   */
  const keepOrigin = (digest: Digest, image: string) => {
    const known = blobs.get(digest);
    if (known !== undefined) {
      known.images.add(image);
      return;
    }
    const size = statSync(blobPath(store.root, digest), { throwIfNoEntry: false })?.size;
    if (size === undefined) return;
    blobs.set(digest, { descriptor: { mediaType: '', digest, size }, images: new Set([image]), isOrigin: true });
  };
  for (const image of images) {
    const label = labelOf(image);
    await visit(image.descriptor, label);
    if (image.chosenFrom !== undefined) await visitAttached(image.chosenFrom, label);
  }
  // After all needs are known: whether an index is only an origin does not depend on the order of the names.
  for (const image of images) if (image.chosenFrom !== undefined) keepOrigin(image.chosenFrom, labelOf(image));
  return { blobs, findings: [...findings.values()] };
}
