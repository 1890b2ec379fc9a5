import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import type { Image } from '../../../src/image/image.ts';
import { decompressed } from '../../../src/streams/decompress/decompress.ts';
import { createHasher } from '../../../src/streams/hashing.ts';

/** Reads all of an image: every blob against its digest (by its stream), every layer against its diff ID. */
export async function verifyImage(image: Image): Promise<void> {
  assert.is(digestOf(image.raw.manifest), image.descriptor.digest);
  assert.is(digestOf(image.raw.config), image.manifest.config.digest);
  for (const layer of image.layers) {
    const hasher = createHasher();
    for await (const chunk of decompressed(await layer.open(), { where: 'layer' })) hasher.update(chunk);
    assert.is(hasher.digest(), layer.diffId);
  }
}
