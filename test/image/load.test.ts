import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../src/events.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Source } from '../../src/image/source.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { type Platform, parsePlatform } from '../../src/oci/platform.ts';
import { collect } from '../../src/streams/collect.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage, makeIndex, memorySource } from '../support/image/image.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');
const test = suite('image/load');

/** All blobs of several images in one map. */
function together(...maps: readonly ReadonlyMap<Digest, Buffer>[]): Map<Digest, Buffer> {
  return new Map(maps.flatMap((map) => [...map]));
}

test('a manifest is loaded with its config, and layers are opened only when asked for', async () => {
  const made = makeImage({ layers: [Buffer.alloc(1024, 1), Buffer.alloc(512, 2)] });
  const source = memorySource(made.descriptor, made.blobs);
  const image = await loadImage(source, { platform: amd64 });
  assert.is(image.descriptor.digest, made.descriptor.digest);
  assert.equal(
    image.layers.map((layer) => layer.diffId),
    made.diffIds,
  );
  assert.is(source.opened.length, 2);
  const [layer] = image.layers;
  assert.ok(layer);
  assert.is((await collect(await layer.open(), 4096, 'layer')).length, 1024);
});

test('the documents are kept as they were digested', async () => {
  const made = makeImage();
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform: amd64 });
  assert.equal(image.raw.manifest, made.blobs.get(made.descriptor.digest));
  assert.equal(image.raw.config, made.blobs.get(made.config.digest));
});

test('an index leads to the manifest of the wanted platform, past attestations', async () => {
  const one = makeImage({ platform: amd64 });
  const two = makeImage({ platform: arm64 });
  const attestation = {
    ...one.descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const index = makeIndex([
    attestation,
    { ...one.descriptor, platform: amd64 },
    { ...two.descriptor, platform: arm64 },
  ]);
  const blobs = together(one.blobs, two.blobs, new Map([[index.descriptor.digest, index.bytes]]));
  const image = await loadImage(memorySource(index.descriptor, blobs), { platform: arm64 });
  assert.is(image.descriptor.digest, two.descriptor.digest);
  assert.is(image.resolved.digest, index.descriptor.digest);
  assert.is(image.indexes.length, 1);
});

test('the error for a missing platform lists those of the index', async () => {
  const one = makeImage({ platform: arm64 });
  const index = makeIndex([
    { ...one.descriptor, platform: arm64 },
    { ...one.descriptor, platform: parsePlatform('linux/arm/v6') },
  ]);
  const blobs = together(one.blobs, new Map([[index.descriptor.digest, index.bytes]]));
  const error = await failureOf(
    loadImage(memorySource(index.descriptor, blobs), { platform: amd64 }),
    'PLATFORM_NOT_FOUND',
  );
  assert.equal(error.facts.available, ['linux/arm64', 'linux/arm/v6']);
});

test('for entries without a platform, the config decides', async () => {
  const one = makeImage({ platform: arm64 });
  const two = makeImage({ platform: amd64 });
  const index = makeIndex([one.descriptor, two.descriptor]);
  const blobs = together(one.blobs, two.blobs, new Map([[index.descriptor.digest, index.bytes]]));
  const image = await loadImage(memorySource(index.descriptor, blobs), { platform: amd64 });
  assert.is(image.descriptor.digest, two.descriptor.digest);
});

test('the error for a missing manifest lists the platforms that are there', async () => {
  const one = makeImage({ platform: amd64 });
  const two = makeImage({ platform: arm64 });
  const index = makeIndex([
    { ...one.descriptor, platform: amd64 },
    { ...two.descriptor, platform: arm64 },
  ]);
  const blobs = together(two.blobs, new Map([[index.descriptor.digest, index.bytes]]));
  const source = memorySource(index.descriptor, blobs, { list: true });
  const error = await failureOf(loadImage(source, { platform: amd64 }), 'BLOB_NOT_FOUND');
  assert.equal(error.facts.available, ['linux/arm64']);
  assert.match(error.hint ?? '', '--platform linux/arm64');
});

test('the only image of a partial copy is loaded with a warning, unless a platform was requested', async () => {
  const other = process.arch === 'arm64' ? amd64 : arm64;
  const own = process.arch === 'arm64' ? arm64 : amd64;
  const third = { os: 'linux', architecture: 's390x' };
  const [there, missing, alike] = [other, own, third].map((platform) => makeImage({ platform }));
  assert.ok(there && missing && alike);
  const entries = [
    { ...missing.descriptor, platform: own },
    { ...there.descriptor, platform: other },
    { ...alike.descriptor, platform: third },
  ];
  for (const listed of [entries, entries.slice(1)]) {
    const index = makeIndex(listed);
    const outer = makeIndex([index.descriptor]);
    const documents = new Map([index, outer].map(({ descriptor, bytes }) => [descriptor.digest, bytes] as const));
    const partialBlobs = together(there.blobs, documents);
    const partial = memorySource(outer.descriptor, partialBlobs, { list: true });
    const events: TsimgEvent[] = [];
    const image = await loadImage(partial, {}, { onEvent: (event) => void events.push(event) });
    assert.is(image.descriptor.digest, there.descriptor.digest);
    assert.match(JSON.stringify(events), `the image is for linux/${other.architecture}`);
    const code = listed.length === 3 ? 'BLOB_NOT_FOUND' : 'PLATFORM_NOT_FOUND';
    await failureOf(loadImage(memorySource(outer.descriptor, partialBlobs, { list: true }), { platform: own }), code);
    // A registry is not a partial copy, and of two images that are there none is chosen.
    await failureOf(loadImage(memorySource(outer.descriptor, partialBlobs), {}), code);
    const two = memorySource(outer.descriptor, together(partialBlobs, alike.blobs), { list: true });
    await failureOf(loadImage(two, {}), code);
  }
});

test('an image without its layers gives way to a complete one', async () => {
  const [own, other] = process.arch === 'arm64' ? [arm64, amd64] : [amd64, arm64];
  const bare = makeImage({ platform: own, layers: [Buffer.alloc(2048)] });
  const whole = makeImage({ platform: other });
  const index = makeIndex([
    { ...bare.descriptor, platform: own },
    { ...whole.descriptor, platform: other },
  ]);
  const documents = new Map([...bare.blobs].filter(([digest]) => !bare.diffIds.includes(digest)));
  const blobs = together(documents, whole.blobs, new Map([[index.descriptor.digest, index.bytes]]));
  const load = (source: Source, platform?: Platform) => loadImage(source, { platform });
  const inHand = memorySource(index.descriptor, blobs, { list: true });
  assert.is((await load(inHand)).descriptor.digest, whole.descriptor.digest);
  assert.is((await load(inHand, own)).descriptor.digest, bare.descriptor.digest, 'its documents can be looked at');
  assert.is((await load(memorySource(index.descriptor, blobs))).descriptor.digest, bare.descriptor.digest);
});

test('an image for another platform is an error when a platform was requested, else a warning', async () => {
  const other = process.arch === 'arm64' ? amd64 : arm64;
  const wanted = process.arch === 'arm64' ? arm64 : amd64;
  const made = makeImage({ platform: other });
  const source = memorySource(made.descriptor, made.blobs);
  await failureOf(loadImage(source, { platform: wanted }), 'PLATFORM_NOT_FOUND');
  const warnings: string[] = [];
  await loadImage(source, {}, { onEvent: (event) => void (event.kind === 'warning' && warnings.push(event.message)) });
  assert.is(warnings.length, 1);
});

test('an index that names its child twice, 24 levels deep, ends at once', async () => {
  const blobs = new Map<Digest, Buffer>();
  let child: Descriptor = makeImage().descriptor;
  for (let level = 0; level < 24; level++) {
    const index = makeIndex([child, { ...child, annotations: { twin: 'yes' } }]);
    blobs.set(index.descriptor.digest, index.bytes);
    child = index.descriptor;
  }
  const source = memorySource(child, blobs);
  await failureOf(loadImage(source, { platform: amd64 }), 'LIMIT_EXCEEDED');
  assert.ok(source.opened.length < 30);
});

test('indexes are nested at most eight deep', async () => {
  const made = makeImage();
  const nested = (levels: number) => {
    const blobs = new Map(made.blobs);
    let child = made.descriptor;
    for (let level = 0; level < levels; level += 1) {
      const index = makeIndex([child]);
      blobs.set(index.descriptor.digest, index.bytes);
      child = index.descriptor;
    }
    return memorySource(child, blobs);
  };
  assert.is((await loadImage(nested(8))).descriptor.digest, made.descriptor.digest);
  await failureOf(loadImage(nested(9)), 'LIMIT_EXCEEDED');
});

test('at most two hundred documents are opened in search of one image', async () => {
  const made = makeImage({ platform: arm64 });
  const wide = (count: number) => {
    const inner = Array.from({ length: count - 1 }, (_, index) =>
      makeIndex([{ ...made.descriptor, annotations: { number: String(index) } }]),
    );
    const outer = makeIndex(inner.map(({ descriptor }) => descriptor));
    const blobs = [outer, ...inner].map(({ descriptor, bytes }) => [descriptor.digest, bytes] as const);
    return memorySource(outer.descriptor, together(made.blobs, new Map(blobs)));
  };
  // One is the manifest that all of them name.
  await failureOf(loadImage(wide(199), { platform: amd64 }), 'PLATFORM_NOT_FOUND');
  await failureOf(loadImage(wide(200), { platform: amd64 }), 'LIMIT_EXCEEDED');
});

test('an index of two levels that names its children twice opens each document once', async () => {
  const made = makeImage({ platform: arm64 });
  const inner = makeIndex([made.descriptor, made.descriptor]);
  const outer = makeIndex([inner.descriptor, inner.descriptor]);
  const blobs = together(made.blobs, new Map([inner, outer].map((i) => [i.descriptor.digest, i.bytes] as const)));
  const source = memorySource(outer.descriptor, blobs);
  await failureOf(loadImage(source, { platform: amd64 }), 'PLATFORM_NOT_FOUND');
  assert.is(source.opened.filter((digest) => digest === inner.descriptor.digest).length, 1);
});

test('a document larger than 4 MiB is not read', async () => {
  const made = makeImage();
  const source = memorySource({ ...made.descriptor, size: 4 * 1024 * 1024 + 1 }, made.blobs);
  await failureOf(loadImage(source), 'LIMIT_EXCEEDED');
  assert.equal(source.opened, []);
});

test('a document of the wrong size or digest is refused', async () => {
  const made = makeImage();
  const { digest } = made.descriptor;
  const bytes = made.blobs.get(digest);
  assert.ok(bytes);
  const longer = together(made.blobs, new Map([[digest, Buffer.concat([bytes, Buffer.from(' ')])]]));
  await failureOf(loadImage(memorySource(made.descriptor, longer)), 'SIZE_MISMATCH');
  const damaged = together(made.blobs, new Map([[digest, Buffer.alloc(bytes.length, 0x20)]]));
  await failureOf(loadImage(memorySource(made.descriptor, damaged)), 'DIGEST_MISMATCH');
});

test('plugins, artifacts, encrypted and empty layers are refused by name', async () => {
  const refuse = async (parts: Parameters<typeof makeImage>[0], code: 'FORMAT_UNSUPPORTED' | 'LAYER_INVALID') => {
    const made = makeImage(parts);
    return failureOf(loadImage(memorySource(made.descriptor, made.blobs), { platform: amd64 }), code);
  };
  const plugin = await refuse({ configType: 'application/vnd.docker.plugin.v1+json' }, 'FORMAT_UNSUPPORTED');
  assert.match(plugin.what, 'plugin');
  await refuse({ configType: 'application/vnd.oci.empty.v1+json' }, 'FORMAT_UNSUPPORTED');
  const type = 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted';
  assert.match((await refuse({ layerType: type }, 'FORMAT_UNSUPPORTED')).what, 'encrypted');
  await refuse({ layers: [Buffer.alloc(0)] }, 'LAYER_INVALID');
});

test('a config with more or fewer diff IDs than the manifest has layers is refused', async () => {
  const made = makeImage({ config: { rootfs: { type: 'layers', diff_ids: [] } } });
  await failureOf(loadImage(memorySource(made.descriptor, made.blobs), { platform: amd64 }), 'DOCUMENT_INVALID');
});

test('a name that stands for nothing is IMAGE_NOT_FOUND', async () => {
  await failureOf(loadImage(memorySource(undefined, new Map()), { name: 'alpine' }), 'IMAGE_NOT_FOUND');
});

test.run();
