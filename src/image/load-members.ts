import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { documentKindOf } from '../oci/media-type.ts';
import { imagesOf } from './choose-platform.ts';
import { type LoadedImage, loadImage } from './load.ts';
import { readDocument } from './read-document.ts';
import type { Source } from './source.ts';

/** An index within an index is usual; more levels than this are an attack. */
const MAX_DEPTH = 8;

async function loadMembers(
  source: Source,
  descriptor: Descriptor,
  depth: number,
  context: Context,
): Promise<readonly LoadedImage[]> {
  if (documentKindOf(descriptor.mediaType) !== 'index') {
    return [await loadImage({ ...source, resolve: async () => descriptor }, {}, context)];
  }
  const where = `${source.label} ${descriptor.digest}`;
  const bytes = await readDocument(source, descriptor, context.signal);
  const children = depth > MAX_DEPTH ? [] : imagesOf(parseImageIndex(bytes, descriptor.mediaType, where));
  const members: LoadedImage[] = [];
  for (const child of children) {
    try {
      members.push(...(await loadMembers(source, child, depth + 1, context)));
    } catch (error) {
      // An index lists more images than may be here.
      if (!(error instanceof TsimgError) || error.code !== 'BLOB_NOT_FOUND') throw error;
    }
  }
  if (members.length === 0) throw new TsimgError('BLOB_NOT_FOUND', 'no image of the index is there', { where });
  return members;
}

/**
 * Loads the images that a descriptor leads to: its own, or those of all platforms of an index that the source has.
 * @throws BLOB_NOT_FOUND where none is there, and what `loadImage` throws
 */
export function loadMembersOf(
  source: Source,
  descriptor: Descriptor,
  context: Context,
): Promise<readonly LoadedImage[]> {
  return loadMembers(source, descriptor, 0, context);
}
