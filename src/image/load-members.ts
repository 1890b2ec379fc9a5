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
/** An index lists more images than may be here; and beside images, artifacts and images that cannot be unpacked. */
const LEFT_OUT: ReadonlySet<string> = new Set(['BLOB_NOT_FOUND', 'FORMAT_UNSUPPORTED']);

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
  let unsupported: TsimgError | undefined;
  for (const child of children) {
    try {
      members.push(...(await loadMembers(source, child, depth + 1, context)));
    } catch (error) {
      if (!(error instanceof TsimgError) || !LEFT_OUT.has(error.code)) throw error;
      if (error.code === 'FORMAT_UNSUPPORTED') unsupported ??= error;
    }
  }
  if (members.length > 0) return members;
  throw unsupported ?? new TsimgError('BLOB_NOT_FOUND', 'no image of the index is there', { where });
}

/**
 * Loads the images that a descriptor leads to: its own, or those of all platforms of an index that the source has.
 * Artifacts of an index, and images that tsimg cannot unpack, are left out.
 * @throws BLOB_NOT_FOUND or FORMAT_UNSUPPORTED where there is no image, and what `loadImage` throws
 */
export function loadMembersOf(
  source: Source,
  descriptor: Descriptor,
  context: Context,
): Promise<readonly LoadedImage[]> {
  return loadMembers(source, descriptor, 0, context);
}
