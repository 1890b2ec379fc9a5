import { TsimgError } from '../../errors.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import { ANNOTATION } from '../../oci/annotations.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isDigest } from '../../oci/digest.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { describeStored } from '../../sources/store.ts';

/** An image of the store, and how it was found. */
export interface FoundImage {
  readonly source: Source;
  /** The name by which it was found. */
  readonly name: string | undefined;
  readonly descriptor: Descriptor;
}

/**
 * Returns the index that an image of the store was chosen from: the name stands for that index at the registry, also
 * where the image of one platform was pulled. The digest of the image stands for the image alone.
 * @throws BLOB_NOT_FOUND where the index is not there; DOCUMENT_INVALID, FILESYSTEM
 */
export async function wholeOf(
  { source, name, descriptor }: FoundImage,
  storeRoot: string,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const from = descriptor.annotations?.[ANNOTATION.chosenFrom];
  if (source.label !== storeRoot || from === undefined || !isDigest(from)) return descriptor;
  if (name?.includes(descriptor.digest)) return descriptor;
  const where = `${storeRoot} ${from}`;
  const index = await describeStored(storeRoot, from);
  if (index === undefined) {
    throw new TsimgError('BLOB_NOT_FOUND', 'the index that the image was chosen from is not there', {
      where,
      why: 'the store has images of single platforms only',
      hint: 'copy the image of one platform: without --all; or pull the others first: tsimg pull --all-platforms',
    });
  }
  const { mediaType } = parseImageIndex(await readDocument(source, index, signal), '', where);
  return { ...index, mediaType: mediaType || MEDIA_TYPE.ociIndex };
}
