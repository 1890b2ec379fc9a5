import type { Writable } from 'node:stream';
import type { Context } from '../../events.ts';
import type { Digest } from '../../oci/digest.ts';
import type { CompressionChoice } from '../../streams/compress/choice.ts';
import { type HistoryLine, imageHistory as readHistory } from '../../verbs/image/history.ts';
import { type ListedImage, listImages as listStored } from '../../verbs/image/images.ts';
import { type LoadedArchive, loadArchive as loadInto } from '../../verbs/image/load.ts';
import { type ImageOptions, openImage, sourcePlaces } from '../../verbs/image/open-image.ts';
import { prune } from '../../verbs/image/prune.ts';
import { type RemovedImages, removeImages as removeStored } from '../../verbs/image/remove-image.ts';
import { withRepair } from '../../verbs/image/repair-stored.ts';
import { type SavedImage, type SaveFormat, saveImages as saveStored } from '../../verbs/image/save.ts';
import { tagImage as tagStored } from '../../verbs/image/tag.ts';
import { type StorePlace, storePlace } from '../../verbs/places.ts';
import { exportImage } from '../../verbs/rootfs/export.ts';
import { checkOptions, flag, hasMethods, oneOf, takes, texts } from '../options/check-options.ts';
import { STORE_CHECKS } from '../options/context-checks.ts';
import { COMPRESSION, IMAGE_CHECKS } from '../options/image-checks.ts';
import { checkSource, type WithPlatform, withPlatform } from '../options/image-options.ts';

/** Where images are, and how the caller is told of them. */
export interface StoreOptions extends StorePlace, Context {}

/** Which images {@link removeImages} removes. */
export interface RemoveImagesOptions extends StoreOptions {
  /** Whether all names of an image that is given by its digest or ID are removed. Default false. */
  readonly force?: boolean | undefined;
}

/** What {@link pruneStore} removes. */
export interface PruneStoreOptions extends StoreOptions {
  /** Whether images that have a name are removed too. Default false. */
  readonly all?: boolean | undefined;
}

/** How {@link saveImages} writes images. */
export interface SaveImagesOptions extends ImageOptions, Context {
  /** Default `docker-archive`. */
  readonly format?: SaveFormat | undefined;
  /** How layers are stored there. Default: as they are. */
  readonly compression?: CompressionChoice | undefined;
}

/**
 * Where an archive goes. A stream of Node is recognised by its methods: it may be of a class of another realm or
 * package.
 * @throws USAGE
 */
function destinationOf(destination: string | Writable) {
  if (typeof destination === 'string') return { path: destination };
  takes('a path, or a stream of Node', (value) => hasMethods(value, 'write', 'on'))('destination', destination);
  return { stream: destination };
}

/**
 * Lists the images of the store, newest first. A damaged image is listed with its problem.
 * @throws STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function listImages(options: StoreOptions = {}): Promise<readonly ListedImage[]> {
  checkOptions('listImages', options, STORE_CHECKS);
  return await listStored(storePlace(options), options);
}

/**
 * Gives an image of the store, by name, digest or ID, another name. Resolves with the complete name.
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, REFERENCE_INVALID, STORE_INVALID, FILESYSTEM
 */
export async function tagImage(image: string, name: string, options: StoreOptions = {}): Promise<string> {
  checkSource('image', image);
  checkSource('name', name);
  checkOptions('tagImage', options, STORE_CHECKS);
  return await tagStored(image, name, { storeRoot: storePlace(options), signal: options.signal });
}

/**
 * Removes images from the store, by names, digests or IDs, and frees what nothing else needs.
 * @throws IMAGE_NOT_FOUND, IMAGE_IN_USE, IMAGE_AMBIGUOUS, an AggregateError of these for several images; STORE_INVALID,
 * FILESYSTEM
 */
export async function removeImages(
  images: readonly string[],
  options: RemoveImagesOptions = {},
): Promise<RemovedImages> {
  texts('images', images);
  checkOptions('removeImages', options, { ...STORE_CHECKS, force: flag });
  return await removeStored(images, { storeRoot: storePlace(options), force: options.force }, options);
}

/**
 * Removes containers that are not running, images without a name, and all that nothing needs.
 * @throws STORE_INVALID, FILESYSTEM
 */
export async function pruneStore(options: PruneStoreOptions = {}): Promise<RemovedImages> {
  checkOptions('pruneStore', options, { ...STORE_CHECKS, all: flag });
  return await prune({ storeRoot: storePlace(options), all: options.all }, options);
}

/**
 * Writes images (any SOURCE) to one archive or layout. A file gets its name when it is complete.
 * @param destination a path, or a stream, which is not ended; `oci-dir` needs a path
 * @throws USAGE, IMAGE_REJECTED, POLICY_INVALID, DESTINATION_EXISTS, FILESYSTEM, and the errors of {@link openImage}
 */
export async function saveImages(
  images: readonly string[],
  destination: string | Writable,
  given: WithPlatform<SaveImagesOptions> = {},
): Promise<readonly SavedImage[]> {
  texts('images', images);
  checkOptions('saveImages', given, {
    ...IMAGE_CHECKS,
    format: oneOf('docker-archive', 'oci-archive', 'oci-dir'),
    compression: COMPRESSION,
  });
  const options = withPlatform(given);
  const { format, compression, platform } = options;
  const places = { ...options, ...sourcePlaces(options) };
  const choice = { ...places, destination: destinationOf(destination), format, compression, platform };
  return await saveStored(images, choice, options);
}

/**
 * Loads all images of an archive or a layout into the store, under the archive's names for them.
 * @throws IMAGE_REJECTED, POLICY_INVALID, STORE_INVALID, and the errors of {@link openImage}
 */
export async function loadArchive(
  source: string,
  given: WithPlatform<ImageOptions & Context> = {},
): Promise<readonly LoadedArchive[]> {
  checkSource('source', source);
  checkOptions('loadArchive', given, IMAGE_CHECKS);
  const options = withPlatform(given);
  return await loadInto(source, { ...options, ...sourcePlaces(options) }, options);
}

/** Lists how an image (any SOURCE) was made, the newest step first. @throws the errors of {@link openImage} */
export async function imageHistory(
  source: string,
  given: WithPlatform<ImageOptions & Context> = {},
): Promise<readonly HistoryLine[]> {
  checkSource('source', source);
  checkOptions('imageHistory', given, IMAGE_CHECKS);
  const options = withPlatform(given);
  return await readHistory(source, { ...sourcePlaces(options), platform: options.platform }, options);
}

/**
 * Writes the root filesystem of an image (any SOURCE) as one tar archive. Equal images give equal bytes.
 * @param destination a path, or a stream, which is not ended
 * @returns the digest of the image's manifest
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, LIMIT_EXCEEDED, FILESYSTEM, DESTINATION_EXISTS,
 * DESTINATION_INVALID, and the errors of {@link openImage}
 */
export async function exportRootfs(
  source: string,
  destination: string | Writable,
  given: WithPlatform<ImageOptions & Context> = {},
): Promise<Digest> {
  checkSource('source', source);
  checkOptions('exportRootfs', given, IMAGE_CHECKS);
  const options = withPlatform(given);
  const { limits, signal, onEvent } = options;
  return await withRepair([source], { storeRoot: storePlace(options), signal, onEvent }, async () => {
    await using opened = await openImage(source, options);
    await exportImage(opened.image, destinationOf(destination), { limits, signal, onEvent });
    return opened.image.resolved.digest;
  });
}
