import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistrySink } from '../../src/sinks/registry.ts';
import { openRegistrySource } from '../../src/sources/registry.ts';
import { collect } from '../../src/streams/collect.ts';
import { type Fate, type Passed, startCuttingProxy } from '../support/cutting-proxy.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { makeImage, memorySource } from '../support/image.ts';
import { haveTools } from '../support/tools.ts';

// Pushes through a proxy that breaks connections and refuses requests by chance: each ends with the whole image, or
// with an error and without the name.

const test = suite('registry/faulty-pushes');
const ENV = { HOME: '/nonexistent' };
const platform = parsePlatform('linux/amd64');
/** How many pushes are made; more by hand: TSIMG_PUSHES=500. */
const PUSHES = Number(process.env.TSIMG_PUSHES ?? 40);
const REFUSALS = [404, 408, 416, 429, 500, 502, 503] as const;

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens to a request: faults are as frequent as the push says, so that some pushes fail in the end. */
function decideBy(random: () => number, faults: number): (passed: Passed) => Fate {
  return ({ headers }) => {
    if (random() >= faults) return 'pass';
    if (Number(headers['content-length'] ?? 0) > 1 && random() < 0.5) return 'cut';
    return REFUSALS[Math.floor(random() * REFUSALS.length)] ?? 503;
  };
}

if (haveTools('docker-registry')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());

  /** Reads a whole image back, with all its digests verified; undefined where it has no name. */
  const readBack = async (name: string): Promise<string | undefined> => {
    const source = openRegistrySource(parseReference(`${registry.host}/${name}`), { env: ENV });
    try {
      if ((await source.resolve()) === undefined) return undefined;
      const image = await loadImage(source, { platform });
      for (const layer of image.layers) await collect(await layer.open(), layer.descriptor.size, 'layer');
      return image.descriptor.digest;
    } catch (error) {
      if (error instanceof TsimgError && error.code === 'IMAGE_NOT_FOUND') return undefined;
      throw error;
    } finally {
      await source.close();
    }
  };

  test(`${PUSHES} pushes with faults by chance`, async () => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= PUSHES; seed++) {
      const random = chance(seed);
      const made = makeImage({ layers: [randomBytes(30_000), randomBytes(100_000)] });
      const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
      await using proxy = await startCuttingProxy(registry.host, decideBy(random, random() * 0.5));
      const name = `faulty/${seed}:1`;
      const chunkSize = random() < 0.3 ? 40_000 : undefined;
      const options = { env: ENV, retry: { retries: 4, delay: 1 }, chunkSize };
      const sink = openRegistrySink(parseReference(`${proxy.host}/${name}`), options);
      let end = 'whole';
      try {
        await copyImage(image, sink, { names: ['1'] });
      } catch (error) {
        assert.instance(error, TsimgError, `seed ${seed}: ${error}`);
        end = (error as TsimgError).code;
      } finally {
        await sink.close();
      }
      ends.set(end, (ends.get(end) ?? 0) + 1);
      const found = await readBack(name);
      // The answer to the last request may be lost after the registry has obeyed it.
      if (end === 'whole') assert.is(found, made.descriptor.digest, `seed ${seed}`);
      else assert.ok(found === undefined || found === made.descriptor.digest, `seed ${seed}`);
    }
    assert.ok((ends.get('whole') ?? 0) > PUSHES / 4, JSON.stringify([...ends]));
    if (process.env.TSIMG_PUSHES !== undefined) console.log(JSON.stringify([...ends]));
    ends.delete('whole');
    const codes = [...ends.keys()].filter((code) => !/^(?:REGISTRY_ERROR|REGISTRY_UNREACHABLE)$/.test(code));
    assert.equal(codes, []);
  });
}

test.run();
