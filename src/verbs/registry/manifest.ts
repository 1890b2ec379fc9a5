import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { loadImage } from '../../image/load.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';

/** A manifest or index as its source has it. */
export interface RawManifest {
  /** With the digest and the size of the bytes. */
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** The entries of an index, as it lists them; undefined for a manifest. */
  readonly entries: readonly Descriptor[] | undefined;
}

/**
 * Reads the manifest or index that a name stands for; with a platform, the manifest of the image that is chosen by it.
 * The bytes have the digest and the size of the descriptor.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…, AUTHENTICATION_…
 */
export async function readManifest(
  text: string,
  options: ImageOptions = {},
  context: Context = {},
): Promise<RawManifest> {
  const { platform } = options;
  const { source, name } = await openAnywhere(text, options, context);
  try {
    if (platform !== undefined) {
      const { descriptor, raw } = await loadImage(source, { name, platform }, context);
      return { descriptor, bytes: Buffer.from(raw.manifest), entries: undefined };
    }
    const descriptor = await source.resolve(name, context.signal);
    if (descriptor === undefined) {
      throw new TsimgError('IMAGE_NOT_FOUND', `no image ${name ?? ''}`, {
        where: source.label,
        hint: source.missingHint,
      });
    }
    const bytes = await readDocument(source, descriptor, context.signal);
    const { mediaType, digest } = descriptor;
    const isIndex = documentKindOf(mediaType) === 'index';
    const entries = isIndex ? parseImageIndex(bytes, mediaType, `${source.label} ${digest}`).manifests : undefined;
    return { descriptor, bytes, entries };
  } finally {
    await source.close();
  }
}
