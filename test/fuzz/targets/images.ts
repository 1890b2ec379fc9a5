import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type LoadedImage, loadImage } from '../../../src/image/load.ts';
import type { Source } from '../../../src/image/source.ts';
import { openSource } from '../../../src/sources/open.ts';
import { decompressed } from '../../../src/streams/decompress/decompress.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { codeOrThrow, fault } from '../ending.ts';
import { mutateImage } from '../mutate/mutate-image.ts';
import type { Random } from '../mutate/random.ts';
import { imageSeeds } from '../seeds.ts';
import type { Target } from '../target.ts';

/** The most bytes of a layer that are read. */
const MAX_CONTENT = 4 * 1024 * 1024;
const TRANSPORTS = ['docker-archive:', 'oci-archive:'];
const NAMES = ['latest', 'example.com/x:latest', `sha256:${'0'.repeat(64)}`, '1111'];
const ARM = { os: 'linux', architecture: 'arm64' };

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Streams close their files a moment after their end. */
async function mustBeClosed(before: number): Promise<void> {
  for (let tries = 0; descriptors() > before; tries++) {
    if (tries === 200) throw fault(`${descriptors() - before} descriptors stay open`);
    await setTimeout(5);
  }
}

async function readLayers(image: LoadedImage): Promise<void> {
  for (const layer of image.layers) {
    let size = 0;
    for await (const chunk of decompressed(await layer.open(), { where: 'layer' })) {
      size += chunk.length;
      if (size > MAX_CONTENT) break;
    }
  }
}

/** Opens and reads an image. Each step may refuse it; the source is closed in any case. */
async function read(spec: string, random: Random): Promise<string> {
  let source: Source | undefined;
  try {
    const opened = await openSource(spec, { storeRoot: '/nonexistent/store' });
    source = opened.source;
    await source.list?.().catch(codeOrThrow);
    const options = {
      name: random.once(8) ? random.pick(NAMES) : undefined,
      platform: random.once(8) ? ARM : undefined,
    };
    const image = await loadImage(source, options);
    if (image.layers.length !== image.config.diffIds.length) throw fault('layers and diff IDs differ in number');
    await readLayers(image);
    return 'accepted';
  } catch (error) {
    return codeOrThrow(error);
  } finally {
    await source?.close();
  }
}

export const imagesTarget: Target = {
  name: 'images',
  rule: 'an image in one file is refused by an error of tsimg or loads, and leaves no descriptor open',
  seeds: () => imageSeeds().map((seed) => [seed]),
  mutate: ([seed = Buffer.alloc(0)], [other = Buffer.alloc(0)], random) => [mutateImage(seed, other, random)],
  open() {
    const path = join(tempDir(), 'image');
    return {
      async run([input = Buffer.alloc(0)], random) {
        writeFileSync(path, input);
        const before = descriptors();
        const ending = await read(`${random.once(8) ? random.pick(TRANSPORTS) : ''}${path}`, random);
        await mustBeClosed(before);
        return ending;
      },
    };
  },
};
