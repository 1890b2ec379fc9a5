import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { isImageConfigType } from '../../image/check-image.ts';
import type { LoadedImage } from '../../image/load.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import { readDocument } from '../../image/read-document.ts';
import type { Source } from '../../image/source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { MAX_DOCUMENT_BYTES } from '../../oci/document.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { documentKindOf } from '../../oci/media-type.ts';
import { type Platform, platformOfNodeArch, platformRank } from '../../oci/platform.ts';
import { openStoreSource } from '../../sources/store.ts';
import { listStored, type StoredImage } from '../../store/names.ts';
import { storeAt } from '../../store/open.ts';

/** An image of the store under one of its names; images of one index for several platforms share a name. */
export interface ListedImage {
  /** Complete, such as `docker.io/library/alpine:3.9`; undefined for an image without a name. */
  readonly name: string | undefined;
  /**
   * `index`: the images of several platforms, of which this machine's is described. `artifact`: another thing than an
   * image, such as a chart.
   */
  readonly kind: 'image' | 'index' | 'artifact';
  /** The digest that the name has at its registry: of the index, where the image was chosen from one. */
  readonly digest: Digest;
  /** The digest of the manifest, or of the index where the name stands for that. */
  readonly manifestDigest: Digest;
  /** The manifests of images that the store has under this name: several for an index. */
  readonly manifests: readonly Digest[];
  /** Undefined, as the fields below, where a document of the image is missing or damaged: see `problem`. */
  readonly imageId: Digest | undefined;
  /** RFC 3339, as the image's builder wrote it. */
  readonly created: string | undefined;
  readonly platform: Platform | undefined;
  /** The platforms of all images of an index that are there; one for an image. */
  readonly platforms: readonly Platform[];
  /** Bytes of layers and config as stored (compressed), with layers that it shares with other images. */
  readonly size: number | undefined;
  readonly problem: TsimgError | undefined;
}

/** Describes what is no image; undefined for an image. @throws DOCUMENT_INVALID, BLOB_NOT_FOUND, DIGEST_MISMATCH */
async function describeArtifact(
  source: Source,
  descriptor: Descriptor,
  { signal }: Context,
): Promise<Pick<ListedImage, 'kind' | 'size'> | undefined> {
  if (documentKindOf(descriptor.mediaType) !== 'manifest') return undefined;
  const bytes = await readDocument(source, descriptor, signal);
  const manifest = parseManifest(bytes, descriptor.mediaType, `${source.label} ${descriptor.digest}`);
  if (isImageConfigType(manifest.config.mediaType)) return undefined;
  const size = manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size);
  return { kind: 'artifact', size };
}

/** Bytes of the blobs: of one image the sum that `inspect` shows, of several images each blob once. */
function sizeOf(images: readonly LoadedImage[]): number {
  const blobs = images.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]);
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  return images.length === 1
    ? blobs.reduce((sum, { size }) => sum + size, 0)
    : [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function describe(source: Source, stored: StoredImage, context: Context): Promise<ListedImage> {
  const { name, descriptor, chosenFrom } = stored;
  const isIndex = documentKindOf(descriptor.mediaType) === 'index';
  const nothing: ListedImage = {
    name,
    kind: isIndex ? 'index' : 'image',
    digest: chosenFrom ?? descriptor.digest,
    manifestDigest: descriptor.digest,
    manifests: [descriptor.digest],
    imageId: undefined,
    created: undefined,
    platform: undefined,
    platforms: [],
    size: undefined,
    problem: undefined,
  };
  try {
    const artifact = await describeArtifact(source, descriptor, context);
    if (artifact !== undefined) return { ...nothing, ...artifact };
    const members = await loadMembersOf(source, descriptor, context);
    const own = platformOfNodeArch(process.arch);
    const rankOf = (image: LoadedImage) => platformRank(own, image.config.platform) ?? Number.POSITIVE_INFINITY;
    const [shown] = members.toSorted((a, b) => rankOf(a) - rankOf(b) || 0);
    return {
      ...nothing,
      manifests: members.map((image) => image.descriptor.digest),
      imageId: shown?.manifest.config.digest,
      created: shown?.config.created,
      platform: shown?.config.platform,
      platforms: members.map((image) => image.config.platform),
      size: sizeOf(members),
    };
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
    return { ...nothing, problem: error };
  }
}

/**
 * Lists the images of the store, newest first. A damaged image is listed with its problem, so that it can be removed.
 * @throws STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function listImages(storeRoot: string, { signal }: Context = {}): Promise<readonly ListedImage[]> {
  const source = await openStoreSource(storeRoot, signal);
  try {
    const images: ListedImage[] = [];
    for (const stored of await listStored(storeAt(storeRoot))) {
      // A document larger than usual was let in by --max-document: it is no damage.
      const documentLimit = Math.max(stored.descriptor.size, MAX_DOCUMENT_BYTES);
      // Without onEvent: a list does not warn about the platforms of its images.
      images.push(await describe({ ...source, documentLimit }, stored, { signal }));
    }
    const age = ({ created }: ListedImage) => (created === undefined ? 0 : Date.parse(created) || 0);
    return images.sort((a, b) => age(b) - age(a));
  } finally {
    await source.close();
  }
}
