import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { isImageConfigType } from '../../image/check-image.ts';
import { loadImage } from '../../image/load.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import { parseImageConfig } from '../../oci/config.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseImageIndex } from '../../oci/image-index.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import type { Platform } from '../../oci/platform.ts';
import { type ImageOptions, openAnywhere } from '../image/open-image.ts';

/** How a manifest is read. */
export interface ReadManifestOptions extends ImageOptions {
  /** Whether the config of a manifest is read, too, for the platform of its descriptor. Default false. */
  readonly withPlatform?: boolean | undefined;
}

/** A manifest or index as its source has it. */
export interface RawManifest {
  /** With the digest and the size of the bytes. A manifest’s has the platform where `withPlatform` asks for it. */
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** The entries of an index, as it lists them; undefined for a manifest. */
  readonly entries: readonly Descriptor[] | undefined;
}

/** The platform that the config of an image tells; undefined for an artifact, or where it tells none. */
async function platformOf(
  source: Source,
  { mediaType, digest }: Descriptor,
  bytes: Buffer,
  signal?: AbortSignal,
): Promise<Platform | undefined> {
  const { config } = parseManifest(bytes, mediaType, `${source.label} ${digest}`);
  if (!isImageConfigType(config.mediaType)) return undefined;
  const { platform } = parseImageConfig(await readDocument(source, config, signal), `${source.label} ${config.digest}`);
  return platform.architecture === '' ? undefined : platform;
}

/**
 * Reads the manifest or index that a name stands for; with a platform, the manifest of the image that is chosen by it.
 * The bytes have the digest and the size of the descriptor.
 * @param text a reference, which is taken from the store or else from its registry, or any SOURCE
 * @throws IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED, REGISTRY_…, AUTHENTICATION_…
 */
export async function readManifest(
  text: string,
  options: ReadManifestOptions = {},
  context: Context = {},
): Promise<RawManifest> {
  const { source, name } = await openAnywhere(text, options, context);
  try {
    return await readManifestOf(source, name, options, context);
  } finally {
    await source.close();
  }
}

/**
 * As {@link readManifest}, from an open source.
 * @param name a name of the source; without one, the only image of the source
 * @throws as {@link readManifest}
 */
export async function readManifestOf(
  source: Source,
  name: string | undefined,
  options: Pick<ReadManifestOptions, 'platform' | 'withPlatform'>,
  context: Context,
): Promise<RawManifest> {
  const { platform, withPlatform = false } = options;
  if (platform !== undefined) {
    const { descriptor: found, raw, config } = await loadImage(source, { name, platform }, context);
    const descriptor = withPlatform ? { ...found, platform: found.platform ?? config.platform } : found;
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
  if (documentKindOf(mediaType) === 'index') {
    const entries = parseImageIndex(bytes, mediaType, `${source.label} ${digest}`).manifests;
    return { descriptor, bytes, entries };
  }
  const told = withPlatform ? await platformOf(source, descriptor, bytes, context.signal) : undefined;
  return {
    descriptor: told === undefined ? descriptor : { ...descriptor, platform: told },
    bytes,
    entries: undefined,
  };
}
