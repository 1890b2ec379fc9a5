import { join } from 'node:path';
import { ANNOTATION } from '../oci/annotations.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { MEDIA_TYPE } from '../oci/media-type.ts';
import { indexDocument } from '../oci/write-document.ts';
import { STORE_NAME } from '../store-layout.ts';
import { acquireLock } from '../sys/file/lock.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText } from '../sys/file/replace-text.ts';
import type { Store } from './open.ts';
import { readLayoutFile } from './read-layout-file.ts';

/** A manifest that the store keeps with an image: a signature or an attestation. */
export interface Attached {
  readonly descriptor: Descriptor;
  /** The tag that it had in the repository of the image; undefined for a referrer. */
  readonly tag: string | undefined;
}

/**
 * Returns the file that lists the attached manifests of a subject: an index, as at the fallback tag of registries
 * without a referrers API.
 */
export function attachedFile({ root }: Pick<Store, 'root'>, subject: Digest): string {
  return join(root, STORE_NAME.attached, `${algorithmOf(subject)}-${hexOf(subject)}`);
}

/**
 * Reads the list of the attached manifests of a manifest or index. @throws DOCUMENT_INVALID, FILESYSTEM, LIMIT_EXCEEDED
 */
export async function readAttached(store: Pick<Store, 'root'>, subject: Digest): Promise<readonly Attached[]> {
  const path = attachedFile(store, subject);
  const bytes = await readLayoutFile(path);
  if (bytes === undefined) return [];
  return parseImageIndex(bytes, MEDIA_TYPE.ociIndex, path).manifests.map((descriptor) => ({
    descriptor,
    tag: descriptor.annotations?.[ANNOTATION.attachedAt],
  }));
}

/**
 * Adds a manifest to the list of a subject. All blobs of the manifest must be in the store.
 * @throws DOCUMENT_INVALID, FILESYSTEM
 */
export async function keepAttached(
  store: Store,
  subject: Digest,
  { descriptor, tag }: Attached,
  signal?: AbortSignal,
): Promise<void> {
  await using _lock = await acquireLock(store.indexLock, 'exclusive', { signal });
  await makeDirectory(join(store.root, STORE_NAME.attached));
  const { mediaType, digest, size } = descriptor;
  const added = { mediaType, digest, size, ...(tag && { annotations: { [ANNOTATION.attachedAt]: tag } }) };
  const before = await readAttached(store, subject);
  const others = before.filter((kept) => kept.descriptor.digest !== digest || kept.tag !== tag);
  const entries = [...others.map((kept) => kept.descriptor), added];
  await replaceText(attachedFile(store, subject), store.partial, indexDocument(MEDIA_TYPE.ociIndex, entries));
}
