import { TsimgError } from '../../../src/errors.ts';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openRegistrySource } from '../../../src/sources/registry.ts';
import { collect } from '../../../src/streams/collect.ts';

/**
 * Reads a whole image for linux/amd64 from a registry, with all its digests verified. Returns the digest of its
 * manifest; undefined where the registry has no such tag.
 */
export async function readBack(reference: string): Promise<string | undefined> {
  const source = openRegistrySource(parseReference(reference), { env: { HOME: '/nonexistent' } });
  try {
    if ((await source.resolve()) === undefined) return undefined;
    const image = await loadImage(source, { platform: parsePlatform('linux/amd64') });
    for (const layer of image.layers) await collect(await layer.open(), layer.descriptor.size, 'layer');
    return image.descriptor.digest;
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  } finally {
    await source.close();
  }
}
