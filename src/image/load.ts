import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { checkLayerCount, type ImageConfig, parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatPlatform, type Platform, platformOfNodeArch, platformRank } from '../oci/platform.ts';
import { checkImage } from './check-image.ts';
import { platformNotFound } from './choose-platform.ts';
import { type Document, type FoundManifest, findManifest } from './find-manifest.ts';
import type { Image, Layer } from './image.ts';
import { readDocument } from './read-document.ts';
import type { Deviation, Source } from './source.ts';

/** The choice of an image in a source. */
export interface LoadOptions {
  /** A tag, full reference, digest or ID, as the source understands it. Default: the only image. */
  readonly name?: string | undefined;
  /**
   * The wanted platform; an image for another one is refused with PLATFORM_NOT_FOUND. Default: this machine's, and a
   * single image for another one is loaded with a warning.
   */
  readonly platform?: Platform | undefined;
}

/** An image, with the indexes that led to it. */
export interface LoadedImage extends Image {
  /** The document that the name stands for: the manifest, or the index that the manifest was chosen from. */
  readonly resolved: Descriptor;
  /** The indexes that led to the manifest, outermost first; empty when the name stands for the manifest. */
  readonly indexes: readonly Document[];
}

/** An image whose manifest was found and checked, and whose config is still to be read. */
export interface FoundImage extends FoundManifest, Pick<LoadedImage, 'manifest' | 'resolved'> {}

const DEVIATIONS: Readonly<Record<Deviation['tolerance'], string>> = {
  'edited-configs': 'the digest of the config is not that of its name',
  'repeated-members': 'it is in the archive more than once, and other tools read the first',
};

/** The most names that an error lists. */
const MAX_LISTED = 20;

async function imageNotFound(source: Source, name: string | undefined, signal?: AbortSignal): Promise<TsimgError> {
  if (name === undefined) return new TsimgError('IMAGE_NOT_FOUND', 'no image in it', { where: source.label });
  const images = ((await source.list?.(signal)) ?? []).map((image) => image.name ?? image.descriptor.digest);
  const more = images.length > MAX_LISTED ? ` and ${images.length - MAX_LISTED} more` : '';
  return new TsimgError('IMAGE_NOT_FOUND', `no image ${name}`, {
    where: source.label === name ? undefined : source.label,
    why: images.length === 0 ? undefined : `there is ${images.slice(0, MAX_LISTED).join(', ')}${more}`,
    hint: source.missingHint,
    facts: { images: images.slice(0, MAX_LISTED) },
  });
}

/** Refuses an image for another platform when the user asked for one, else warns. @throws PLATFORM_NOT_FOUND */
function checkPlatform(
  { platform }: ImageConfig,
  options: LoadOptions & { readonly where: string },
  context: Context,
): void {
  const { where } = options;
  if (platform.architecture === '') return;
  const wanted = options.platform ?? platformOfNodeArch(process.arch);
  if (platformRank(wanted, platform) !== undefined) return;
  if (options.platform !== undefined) throw platformNotFound(wanted, [formatPlatform(platform)], where);
  const message = `${where}: the image is for ${formatPlatform(platform)}, this machine is ${formatPlatform(wanted)}`;
  context.onEvent?.({ kind: 'warning', message });
}

/** The layers by their descriptors; a layer is opened when it is asked for. */
export function layersOf(
  source: Source,
  descriptors: readonly Descriptor[],
  diffIds: readonly Digest[],
): readonly Layer[] {
  const { fetch: fetchBlob, openAt: openBlobAt } = source;
  return descriptors.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    if (diffId === undefined) return [];
    const open: Layer['open'] = (signal) => source.open(descriptor, signal);
    const openAt: Layer['openAt'] = openBlobAt && ((offset, signal) => openBlobAt(descriptor, offset, signal));
    const locate: Layer['locate'] = async (signal) => await source.locate?.(descriptor, signal);
    const fetch: Layer['fetch'] = fetchBlob && ((signal) => fetchBlob(descriptor, signal));
    const where = `${source.label} ${descriptor.digest}`;
    const distrust = async () => (await source.distrust?.(descriptor)) === true;
    return [{ descriptor, where, diffId, open, openAt, distrust, locate, fetch }];
  });
}

/**
 * Finds the manifest of an image as {@link loadImage} does, and checks it. Configs are read only where they must tell
 * which entry of an index serves the platform.
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, PLATFORM_NOT_FOUND, BLOB_NOT_FOUND, DOCUMENT_INVALID, FORMAT_UNSUPPORTED,
 * LAYER_INVALID, LIMIT_EXCEEDED, SIZE_MISMATCH, DIGEST_MISMATCH
 */
export async function findImage(
  source: Source,
  { name, platform }: LoadOptions,
  { signal }: Context,
): Promise<FoundImage> {
  const wanted = platform ?? platformOfNodeArch(process.arch);
  const resolved = await source.resolve(name, signal, wanted);
  if (resolved === undefined) throw await imageNotFound(source, name, signal);
  const found = await findManifest(source, resolved, { wanted, required: platform !== undefined, signal });
  const where = `${source.label} ${found.descriptor.digest}`;
  const manifest = parseManifest(found.bytes, found.descriptor.mediaType, where);
  checkImage(manifest, where);
  return { ...found, manifest, resolved };
}

/**
 * Reads and checks the config of a found image.
 * @param options the platform that the image was found for, and the image's name for errors
 * @throws PLATFORM_NOT_FOUND, BLOB_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED, SIZE_MISMATCH, DIGEST_MISMATCH
 */
export async function loadFound(
  source: Source,
  { descriptor, manifest, bytes, indexes, labelled, resolved }: FoundImage,
  options: LoadOptions,
  context: Context,
): Promise<LoadedImage> {
  const rawConfig = await readDocument(source, manifest.config, context.signal);
  const config = parseImageConfig(rawConfig, `${source.label} ${manifest.config.digest}`);
  checkLayerCount(manifest.layers.length, config, `${source.label} ${descriptor.digest}`);
  // The index decides for its entries: their configs often say less (an arm image without its variant).
  if (!labelled) checkPlatform(config, { ...options, where: options.name ?? source.label }, context);

  const deviations = source.deviations?.(descriptor.digest) ?? [];
  for (const { tolerance, where } of deviations) {
    context.onEvent?.({ kind: 'warning', message: `${where}: ${DEVIATIONS[tolerance]}` });
  }
  return {
    descriptor,
    manifest,
    config,
    layers: layersOf(source, manifest.layers, config.diffIds),
    deviations,
    raw: { manifest: bytes, config: rawConfig },
    resolved,
    indexes,
  };
}

/**
 * Loads an image of one platform from a source: follows indexes to the manifest, reads and checks manifest and config
 * (at most 4 MiB each), and leaves the layers to be opened. The source must stay open while layers are read.
 * {@link openImage} does the same for a SOURCE as the command line takes it.
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, PLATFORM_NOT_FOUND, BLOB_NOT_FOUND, DOCUMENT_INVALID, FORMAT_UNSUPPORTED,
 * LAYER_INVALID, LIMIT_EXCEEDED, SIZE_MISMATCH, DIGEST_MISMATCH
 * @example
 * const source = openRegistrySource(parseReference('alpine:3.19'));
 * const { config, layers } = await loadImage(source, { platform: parsePlatform('linux/arm64') });
 * await source.close();
 */
export async function loadImage(
  source: Source,
  options: LoadOptions = {},
  context: Context = {},
): Promise<LoadedImage> {
  return loadFound(source, await findImage(source, options, context), options, context);
}
