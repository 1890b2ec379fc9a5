import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type ImageIndex, isAttestation } from '../oci/image-index.ts';
import { documentKindOf, MEDIA_TYPE } from '../oci/media-type.ts';
import { formatPlatform, type Platform, platformRank } from '../oci/platform.ts';

/** The entries of an index for one platform. */
export interface PlatformChoice {
  /** The entry whose platform serves the wanted one best; undefined when none does. */
  readonly chosen: Descriptor | undefined;
  /** Entries without a platform: only their config (or their own index) tells. */
  readonly unlabelled: readonly Descriptor[];
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPE.ociConfig, MEDIA_TYPE.dockerConfig]);

/** Signatures, SBOMs and lazy-loading indexes may stand in an index beside the images, even with a platform. */
function isImage(descriptor: Descriptor): boolean {
  if (isAttestation(descriptor)) return false;
  const { artifactType } = descriptor;
  if (artifactType !== undefined && artifactType !== '' && !CONFIG_TYPES.has(artifactType)) return false;
  return descriptor.mediaType === '' || documentKindOf(descriptor.mediaType) !== 'other';
}

/** Entries that can be an image (or an index of images), in the index's order. */
export function imagesOf(index: ImageIndex): readonly Descriptor[] {
  return index.manifests.filter(isImage);
}

/** The platform of an entry; undefined where its architecture is '', as in hand-made indexes. */
function platformOf(descriptor: Descriptor): Platform | undefined {
  const { platform } = descriptor;
  return platform === undefined || platform.architecture === '' ? undefined : platform;
}

/**
 * Added to the rank of an entry that needs features of its host (`os.features`), of which tsimg knows none. Nydus and
 * others list such forms of an image before its tar layers.
 */
const NEEDS_FEATURES = 1000;

/**
 * Chooses the entry of an index for a platform: the best ranked, the first among equals (image-index.md, "platform").
 * An entry with `os.features` is chosen only when no other serves. Reads the index alone, opens nothing.
 * @example
 * const index = parseImageIndex(bytes, MEDIA_TYPE.ociIndex, 'index.json');
 * const { chosen } = choosePlatform(index, parsePlatform('linux/arm64'));
 */
export function choosePlatform(index: ImageIndex, wanted: Platform): PlatformChoice {
  let chosen: Descriptor | undefined;
  let best = Number.POSITIVE_INFINITY;
  const unlabelled: Descriptor[] = [];
  for (const descriptor of imagesOf(index)) {
    const platform = platformOf(descriptor);
    if (platform === undefined) {
      unlabelled.push(descriptor);
      continue;
    }
    const byPlatform = platformRank(wanted, platform);
    if (byPlatform === undefined) continue;
    const rank = byPlatform + (platform.osFeatures === undefined ? 0 : NEEDS_FEATURES);
    if (rank < best) {
      best = rank;
      chosen = descriptor;
    }
  }
  return { chosen, unlabelled };
}

/** The platforms of an index, each once: `linux/amd64`. */
export function platformsOf(index: ImageIndex): readonly string[] {
  const platforms = imagesOf(index).flatMap((descriptor) => platformOf(descriptor) ?? []);
  return [...new Set(platforms.map(formatPlatform))];
}

/** The error for a missing platform; it lists the available ones. */
export function platformNotFound(wanted: Platform, available: readonly string[], where: string): TsimgError {
  const [first] = available;
  return new TsimgError('PLATFORM_NOT_FOUND', `no image for ${formatPlatform(wanted)}`, {
    where,
    why: available.length === 0 ? 'it lists no platform' : `there is ${available.join(', ')}`,
    hint: first === undefined ? undefined : `choose with --platform, such as --platform ${first}`,
    facts: { wanted: formatPlatform(wanted), available },
  });
}
