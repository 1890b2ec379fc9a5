import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { checkLayerCount, type ImageConfig, parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { formatPlatform, type Platform, platformOfNodeArch, platformRank } from '../oci/platform.ts';
import { checkImage } from './check-image.ts';
import { platformNotFound } from './choose-platform.ts';
import { type Document, findManifest } from './find-manifest.ts';
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
  const { signal } = context;
  const wanted = options.platform ?? platformOfNodeArch(process.arch);
  const resolved = await source.resolve(options.name, signal, wanted);
  if (resolved === undefined) throw await imageNotFound(source, options.name, signal);
  const required = options.platform !== undefined;
  const { descriptor, bytes, indexes, labelled } = await findManifest(source, resolved, { wanted, required, signal });

  const where = `${source.label} ${descriptor.digest}`;
  const manifest = parseManifest(bytes, descriptor.mediaType, where);
  checkImage(manifest, where);
  const rawConfig = await readDocument(source, manifest.config, signal);
  const config = parseImageConfig(rawConfig, `${source.label} ${manifest.config.digest}`);
  checkLayerCount(manifest.layers.length, config, where);
  // The index decides for its entries: their configs often say less (an arm image without its variant).
  if (!labelled) checkPlatform(config, { ...options, where: options.name ?? source.label }, context);

  const deviations = source.deviations?.(descriptor.digest) ?? [];
  for (const { tolerance, where: place } of deviations) {
    context.onEvent?.({ kind: 'warning', message: `${place}: ${DEVIATIONS[tolerance]}` });
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
