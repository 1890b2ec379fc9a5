import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { loadImage } from '../../image/load.ts';
import type { Source } from '../../image/source.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import { openStoreSource } from '../../sources/store.ts';
import { listStored, type StoredImage } from '../../store/names.ts';
import { storeAt } from '../../store/open.ts';

/** An image of the store under one of its names. */
export interface ListedImage {
  /** Complete, such as `docker.io/library/alpine:3.9`; undefined for an image without a name. */
  readonly name: string | undefined;
  /** The digest that the name has at its registry: of the index, where the image was chosen from one. */
  readonly digest: Digest;
  readonly manifestDigest: Digest;
  /** Undefined, as the fields below, where a document of the image is missing or damaged: see `problem`. */
  readonly imageId: Digest | undefined;
  /** RFC 3339, as the image's builder wrote it. */
  readonly created: string | undefined;
  readonly platform: Platform | undefined;
  /** Bytes of layers and config as stored (compressed), with layers that it shares with other images. */
  readonly size: number | undefined;
  readonly problem: TsimgError | undefined;
}

async function describe(source: Source, stored: StoredImage, context: Context): Promise<ListedImage> {
  const { name, descriptor, chosenFrom } = stored;
  const known = { name, digest: chosenFrom ?? descriptor.digest, manifestDigest: descriptor.digest };
  try {
    const { manifest, config } = await loadImage({ ...source, resolve: async () => descriptor }, {}, context);
    const size = manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size);
    const { created, platform } = config;
    return { ...known, imageId: manifest.config.digest, created, platform, size, problem: undefined };
  } catch (error) {
    if (!(error instanceof TsimgError)) throw error;
    const nothing = { imageId: undefined, created: undefined, platform: undefined, size: undefined };
    return { ...known, ...nothing, problem: error };
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
    // Without onEvent: a list does not warn about the platforms of its images.
    for (const stored of await listStored(storeAt(storeRoot))) images.push(await describe(source, stored, { signal }));
    const age = ({ created }: ListedImage) => (created === undefined ? 0 : Date.parse(created) || 0);
    return images.sort((a, b) => age(b) - age(a));
  } finally {
    await source.close();
  }
}
