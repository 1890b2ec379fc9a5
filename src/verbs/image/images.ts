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
  /** Complete: `docker.io/library/alpine:3.9`; undefined for an image that lost its name, or never had one. */
  readonly name: string | undefined;
  /** What the name stands for at its registry: of the index, where it was chosen from one. */
  readonly digest: Digest;
  readonly manifestDigest: Digest;
  /** What follows is undefined when a document of the image is missing or damaged: `problem` says which. */
  readonly imageId: Digest | undefined;
  /** RFC 3339, as the image's maker wrote it. */
  readonly created: string | undefined;
  readonly platform: Platform | undefined;
  /** Bytes of its layers and config as stored, compressed; layers that other images have too are counted. */
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
 * The images of the store, newest first. One that is damaged is listed with its problem, so that it can be removed.
 * @throws STORE_INVALID, DOCUMENT_INVALID, FILESYSTEM
 */
export async function listImages(storeRoot: string, { signal }: Context = {}): Promise<readonly ListedImage[]> {
  const source = await openStoreSource(storeRoot, signal);
  try {
    const images: ListedImage[] = [];
    // Warnings about platforms belong to those who use an image, not to a list.
    for (const stored of await listStored(storeAt(storeRoot))) images.push(await describe(source, stored, { signal }));
    const age = ({ created }: ListedImage) => (created === undefined ? 0 : Date.parse(created) || 0);
    return images.sort((a, b) => age(b) - age(a));
  } finally {
    await source.close();
  }
}
