import { join } from 'node:path';
import { digestOf } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { LoadedImage } from '../../image/load.ts';
import { loadMembersOf } from '../../image/load-members.ts';
import { chainIds } from '../../oci/chain-id.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { openStoreSource } from '../../sources/store.ts';
import { namesIn } from '../../store/list-folder.ts';
import type { StoredImage } from '../../store/names.ts';
import type { Store } from '../../store/open.ts';
import { LAYERS_KEY } from '../../store-layout.ts';

/** The names of all unpacked layers, for whatever map of IDs. */
async function unpackedChains(store: Store): Promise<ReadonlySet<string>> {
  const keys = (await namesIn(store.layers)).filter((name) => LAYERS_KEY.test(name));
  const names = await Promise.all(keys.map((key) => namesIn(join(store.layers, key))));
  return new Set(names.flat());
}

/**
 * Returns the blobs among dropped ones whose layer is not unpacked any more for one of the images that need it: that
 * image cannot be run without its registry. An image that cannot be read is passed over. @throws FILESYSTEM
 */
export async function lostLayers(
  store: Store,
  images: readonly StoredImage[],
  dropped: ReadonlySet<Digest>,
  { signal }: Context,
): Promise<ReadonlySet<Digest>> {
  const lost = new Set<Digest>();
  if (dropped.size === 0 || images.length === 0) return lost;
  const unpacked = await unpackedChains(store);
  const source = await openStoreSource(store.root, signal);
  try {
    for (const { descriptor } of images) {
      let members: readonly LoadedImage[];
      try {
        members = await loadMembersOf(source, descriptor, { signal });
      } catch (error) {
        if (error instanceof TsimgError) continue;
        throw error;
      }
      for (const { layers, config } of members) {
        const chains = chainIds(config.diffIds, digestOf);
        for (const [index, { descriptor: blob }] of layers.entries()) {
          const chain = chains[index];
          const isGone = chain !== undefined && !unpacked.has(hexOf(chain));
          if (isGone && dropped.has(blob.digest)) lost.add(blob.digest);
        }
      }
    }
  } finally {
    await source.close();
  }
  return lost;
}
