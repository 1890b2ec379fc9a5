import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { isManifestOrIndex } from '../../oci/media-type.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Reference } from '../../oci/reference.ts';
import { openStoreSource } from '../../sources/store.ts';
import { holdsBlob } from '../../store/dropped.ts';
import { storeAt } from '../../store/open.ts';
import { listUnfinished } from '../../store/unfinished.ts';
import { storePlace } from '../places.ts';
import { type AdmittedImages, type Asked, admitAll, admitOne, withRepository } from './prepare-pull.ts';
import type { StorePullOptions } from './pull-to-store.ts';

/** A blob that a pull needs. Sizes are bytes. */
export interface PlannedBlob {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** `part`: an earlier pull was cut short, and the rest is fetched. */
  readonly state: 'there' | 'part' | 'missing';
  /** Bytes that would be transferred. */
  readonly transfer: number;
}

/** The blobs that a pull would transfer. */
export interface PullPlan {
  /** The complete reference. */
  readonly reference: string;
  /** The digest that the reference stands for: of the index, where there is one. */
  readonly digest: Digest;
  readonly platforms: readonly Platform[];
  /** Layers and configs, each digest once. */
  readonly blobs: readonly PlannedBlob[];
  /** Bytes that would be transferred. */
  readonly transfer: number;
}

function blobsOf({ graph, images }: Pick<AdmittedImages, 'graph' | 'images'>): readonly Descriptor[] {
  const blobs = graph?.blobs ?? images.flatMap(({ manifest }) => [...manifest.layers, manifest.config]);
  const own = blobs.filter(({ mediaType }) => !isManifestOrIndex(mediaType));
  return [...new Map(own.map((blob) => [blob.digest, blob])).values()];
}

/** Admits the images that a pull would copy. */
async function admitImages(asked: Asked, options: StorePullOptions): Promise<AdmittedImages> {
  const all = options.allPlatforms ? await admitAll(asked, options) : undefined;
  if (all !== undefined) return all;
  const { found, signatures, load } = await admitOne(asked, options);
  return { resolved: found.resolved, images: [await load(options.signal)], signatures };
}

/**
 * Tells what `pullToStore` would transfer, and whether the image is let in. Documents are asked of the registry;
 * nothing is written, and the store is not made. Of a large blob in the store, the size alone is looked at.
 * @throws as `pullToStore`
 * @example
 * const { transfer } = await planPull(parseReference('alpine:3.19'));
 */
export async function planPull(reference: Reference, options: StorePullOptions = {}): Promise<PullPlan> {
  const root = storePlace(options);
  const store = storeAt(root);
  const local = await openStoreSource(root, options.signal);
  try {
    return await withRepository(reference, { ...options, local }, async (asked) => {
      const { resolved, images, graph } = await admitImages(asked, options);
      const unfinished = new Map((await listUnfinished(store.partial)).map(({ name, bytes }) => [name, bytes]));
      const blobs: PlannedBlob[] = [];
      for (const { digest, mediaType, size } of blobsOf({ graph, images })) {
        const kept = unfinished.get(digest.replace(':', '-')) ?? 0;
        const isThere = await holdsBlob(store, { digest, size }, options.signal);
        const isPart = kept > 0 && kept <= size;
        const state = isThere ? 'there' : isPart ? 'part' : 'missing';
        blobs.push({ digest, mediaType, size, state, transfer: isThere ? 0 : size - (isPart ? kept : 0) });
      }
      return {
        reference: asked.name,
        digest: resolved.digest,
        platforms: images.map(({ config }) => config.platform),
        blobs,
        transfer: blobs.reduce((sum, { transfer }) => sum + transfer, 0),
      };
    });
  } finally {
    await local.close();
  }
}
