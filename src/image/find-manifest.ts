import { TsimgError } from '../errors.ts';
import { parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { hasKey, parseJson } from '../oci/document.ts';
import { type ImageIndex, parseImageIndex } from '../oci/image-index.ts';
import { parseManifest } from '../oci/manifest.ts';
import { documentKindOf, MEDIA_TYPE } from '../oci/media-type.ts';
import { formatPlatform, type Platform, platformRank } from '../oci/platform.ts';
import { isImageConfigType } from './check-image.ts';
import { choosePlatform, imagesOf, platformNotFound, platformsOf } from './choose-platform.ts';
import { readDocument } from './read-document.ts';
import type { Source } from './source.ts';

/** The bytes of a document, as they were digested, with their descriptor. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A manifest, and the indexes that led to it, outermost first. */
export interface FoundManifest extends Document {
  readonly indexes: readonly Document[];
  /** Whether the index gives the entry a platform that serves the wanted one. If not, the config must be checked. */
  readonly labelled: boolean;
}

/** An index within an index is usual (docker 29 writes one); more levels than this are an attack. */
const MAX_DEPTH = 8;
/** The most documents that a search opens: an index of 4 MiB may list thousands. */
const MAX_DOCUMENTS = 200;

interface Search {
  readonly source: Source;
  readonly wanted: Platform;
  readonly required: boolean;
  readonly signal: AbortSignal | undefined;
  /** Each document is read once: an index that names its child twice, 24 levels deep, has 2^24 paths. */
  readonly visited: Set<Digest>;
  /** Platforms that were found and do not serve the wanted one. */
  readonly seen: Set<string>;
}

/** Adds a missing media type, from the document itself. */
function withMediaType(descriptor: Descriptor, bytes: Buffer, where: string): Descriptor {
  if (descriptor.mediaType !== '') return descriptor;
  const value = parseJson(bytes, 'manifest', where);
  const own = hasKey(value, 'mediaType') ? (value as { mediaType: unknown }).mediaType : undefined;
  if (typeof own === 'string' && own !== '') return { ...descriptor, mediaType: own };
  return { ...descriptor, mediaType: hasKey(value, 'manifests') ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest };
}

/** Whether the source has a blob, damaged or not: a reader of a damaged blob gets the error. */
async function isThere({ source, signal }: Search, descriptor: Descriptor): Promise<boolean> {
  try {
    const stream = await source.open(descriptor, signal);
    stream.destroy();
    return true;
  } catch (error) {
    if (error instanceof TsimgError) return error.code !== 'BLOB_NOT_FOUND';
    throw error;
  }
}

/** Whether the source has all blobs of an image. A copy of one platform may hold only the manifests of the others. */
async function isWhole(search: Search, descriptor: Descriptor): Promise<boolean> {
  const { source, signal } = search;
  if (!(await isThere(search, descriptor))) return false;
  if (documentKindOf(descriptor.mediaType) !== 'manifest') return true;
  try {
    const bytes = await readDocument(source, descriptor, signal);
    const { config, layers } = parseManifest(bytes, descriptor.mediaType, `${source.label} ${descriptor.digest}`);
    for (const blob of [config, ...layers]) if (!(await isThere(search, blob))) return false;
    return true;
  } catch (error) {
    // A damaged manifest fails with its own error when it is used.
    if (error instanceof TsimgError) return true;
    throw error;
  }
}

/** The entries of an index whose blobs are all there: a partial copy lists more images than it holds. */
async function presentOf(search: Search, index: ImageIndex): Promise<readonly Descriptor[]> {
  const there: Descriptor[] = [];
  for (const descriptor of imagesOf(index).slice(0, MAX_DOCUMENTS)) {
    if (await isWhole(search, descriptor)) there.push(descriptor);
  }
  return there;
}

/**
 * In a partial copy that lacks blobs of the found image: the only image that is complete; undefined where there are
 * none or several.
 */
async function onlyOther(search: Search, index: ImageIndex, found: Descriptor): Promise<Descriptor | undefined> {
  if (imagesOf(index).length < 2 || (await isWhole(search, found))) return undefined;
  const [only, ...others] = await presentOf(search, index);
  return others.length === 0 ? only : undefined;
}

/** Names the platforms that are there, so that the user can ask for one of them. */
function explainMissing(error: TsimgError, search: Search, there: readonly Descriptor[]): TsimgError {
  const available = there.flatMap(({ platform }) => (platform === undefined ? [] : formatPlatform(platform)));
  return new TsimgError('BLOB_NOT_FOUND', `the image for ${formatPlatform(search.wanted)} is listed but not there`, {
    where: error.where,
    why: 'this is a partial copy of a multi-platform image',
    hint:
      available.length === 0 ? undefined : `choose what is there with --platform ${available.join(' or --platform ')}`,
    facts: { available },
    cause: error,
  });
}

/** Whether it is an image whose config has the wanted platform, or none at all. */
async function servesPlatform(found: FoundManifest, search: Search): Promise<boolean> {
  const { source, wanted, signal } = search;
  const where = `${source.label} ${found.descriptor.digest}`;
  const manifest = parseManifest(found.bytes, found.descriptor.mediaType, where);
  if (!isImageConfigType(manifest.config.mediaType)) return false;
  const { platform } = parseImageConfig(await readDocument(source, manifest.config, signal), where);
  const serves = platform.architecture === '' || platformRank(wanted, platform) !== undefined;
  if (!serves) search.seen.add(formatPlatform(platform));
  return serves;
}

/**
 * Whether an only image is used in spite of its platform: not in a registry, and not when the user asked for a
 * platform.
 */
function mayTakeOther(search: Search): boolean {
  return !search.required && search.source.list !== undefined;
}

async function searchIndex(
  document: Document,
  indexes: readonly Document[],
  search: Search,
): Promise<FoundManifest | undefined> {
  const where = `${search.source.label} ${document.descriptor.digest}`;
  const index = parseImageIndex(document.bytes, document.descriptor.mediaType, where);
  const { chosen, unlabelled } = choosePlatform(index, search.wanted);
  const trail = [...indexes, document];
  if (chosen !== undefined) {
    try {
      const found = await searchDocument(chosen, trail, search);
      const other = found && mayTakeOther(search) ? await onlyOther(search, index, found.descriptor) : undefined;
      if (other !== undefined) return await searchDocument(other, trail, search);
      return found && { ...found, labelled: true };
    } catch (error) {
      const isMissing = error instanceof TsimgError && error.code === 'BLOB_NOT_FOUND';
      if (!isMissing || search.source.list === undefined) throw error;
      const there = await presentOf(search, index);
      const [only, ...others] = there;
      const found =
        only === undefined || others.length > 0 || search.required
          ? undefined
          : await searchDocument(only, trail, search);
      if (found === undefined) throw explainMissing(error, search, there);
      return found;
    }
  }
  const images = imagesOf(index);
  const [only, ...others] = images.length > 1 && mayTakeOther(search) ? await presentOf(search, index) : images;
  // A local image without alternatives is used whatever its platform; the caller warns. A registry's index is strict,
  // as in docker's pull: it may have been made for one platform on purpose.
  const single = others.length === 0 && only !== undefined && (unlabelled.length === 1 || mayTakeOther(search));
  for (const descriptor of single ? [only] : unlabelled) {
    const found = await searchDocument(descriptor, trail, search);
    if (found !== undefined && (single || found.labelled || (await servesPlatform(found, search)))) return found;
  }
  for (const platform of platformsOf(index)) search.seen.add(platform);
  return undefined;
}

async function searchDocument(
  descriptor: Descriptor,
  indexes: readonly Document[],
  search: Search,
): Promise<FoundManifest | undefined> {
  const { source, visited, signal } = search;
  if (visited.has(descriptor.digest)) return undefined;
  visited.add(descriptor.digest);
  const where = `${source.label} ${descriptor.digest}`;
  if (indexes.length > MAX_DEPTH || visited.size > MAX_DOCUMENTS) {
    throw new TsimgError('LIMIT_EXCEEDED', 'indexes within indexes', {
      where,
      why: `more than ${MAX_DEPTH} levels or ${MAX_DOCUMENTS} documents`,
      facts: { depth: MAX_DEPTH, documents: MAX_DOCUMENTS },
    });
  }
  const bytes = await readDocument(source, descriptor, signal);
  const document = { descriptor: withMediaType(descriptor, bytes, where), bytes };
  if (documentKindOf(document.descriptor.mediaType) === 'index') return searchIndex(document, indexes, search);
  return { ...document, indexes, labelled: false };
}

/**
 * Finds the manifest for a platform behind a descriptor, through any indexes. For entries without a platform, their
 * config decides; a single entry without a platform is used as it is.
 * @param source the source that the descriptor is of
 * @throws PLATFORM_NOT_FOUND, with the available platforms; BLOB_NOT_FOUND, LIMIT_EXCEEDED, DOCUMENT_INVALID,
 * FORMAT_UNSUPPORTED
 */
export async function findManifest(
  source: Source,
  descriptor: Descriptor,
  { wanted, required, signal }: Pick<Search, 'wanted' | 'required' | 'signal'>,
): Promise<FoundManifest> {
  const search: Search = { source, wanted, required, signal, visited: new Set(), seen: new Set() };
  const found = await searchDocument(descriptor, [], search);
  if (found !== undefined) return found;
  throw platformNotFound(wanted, [...search.seen], `${source.label} ${descriptor.digest}`);
}
