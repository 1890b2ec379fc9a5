import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyGraph } from '../../src/image/copy-graph.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { openOciLayoutSink } from '../../src/sinks/oci-layout.ts';
import { openOciLayoutSource } from '../../src/sources/oci-layout.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage, makeIndex, memorySource } from '../support/image.ts';
import { sharedImage } from '../support/shared-images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { verifyImage } from '../support/verify-image.ts';

const test = suite('image/copy-graph');
const one = makeImage({ platform: parsePlatform('linux/amd64') });
const two = makeImage({ platform: parsePlatform('linux/arm64') });
const index = makeIndex([
  { ...one.descriptor, platform: parsePlatform('linux/amd64') },
  { ...two.descriptor, platform: parsePlatform('linux/arm64') },
]);
const blobs = new Map<Digest, Buffer>([...one.blobs, ...two.blobs, [index.descriptor.digest, index.bytes]]);

test('all platforms go over, and the index keeps its digest', async () => {
  const path = join(tempDir(), 'layout');
  const sink = await openOciLayoutSink(path);
  await copyGraph(memorySource(index.descriptor, blobs), index.descriptor, sink, ['x']);
  await sink.close();
  const source = await openOciLayoutSource(path);
  assert.is((await source.resolve('x'))?.digest, index.descriptor.digest);
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    await verifyImage(await loadImage(source, { platform: parsePlatform(platform) }));
  }
  assert.is(readdirSync(join(path, 'blobs', 'sha256')).length, blobs.size);
});

test('a document stands in the sink before what names it', async () => {
  const order: Digest[] = [];
  await copyGraph(
    memorySource(index.descriptor, blobs),
    index.descriptor,
    {
      label: 'diary',
      concurrency: 1,
      has: async () => false,
      async write(descriptor, content) {
        if (!(content instanceof Uint8Array)) content.resume();
        order.push(descriptor.digest);
      },
      publish: async () => {},
      close: async () => {},
    },
    [],
  );
  assert.is(order.at(-1), index.descriptor.digest);
  for (const made of [one, two]) {
    assert.ok(order.indexOf(made.config.digest) < order.indexOf(made.descriptor.digest));
  }
});

test('an index that names its child twice, 24 levels deep, is copied with each document once', async () => {
  const all = new Map(one.blobs);
  let child: Descriptor = one.descriptor;
  for (let level = 0; level < 24; level++) {
    const parent = makeIndex([child, { ...child, annotations: { twin: 'yes' } }]);
    all.set(parent.descriptor.digest, parent.bytes);
    child = parent.descriptor;
  }
  const source = memorySource(child, all);
  const sink = await openOciLayoutSink(join(tempDir(), 'layout'));
  await copyGraph(source, child, sink, ['deep']);
  await sink.close();
  assert.is(source.opened.length, 24 + 1 + 2);
});

test('of a partial copy nothing is published', async () => {
  const path = join(tempDir(), 'layout');
  const sink = await openOciLayoutSink(path);
  const source = memorySource(index.descriptor, new Map([...one.blobs, [index.descriptor.digest, index.bytes]]));
  await failureOf(copyGraph(source, index.descriptor, sink, ['x']), 'BLOB_NOT_FOUND');
  await sink.close();
  assert.equal(readdirSync(path).includes('index.json'), false);
});

test('docker’s manifest list of nine platforms goes over whole', async () => {
  const shared = sharedImage('hello-world-multiarch-layout');
  if (shared === undefined) return;
  const source = await openOciLayoutSource(shared);
  const root = await source.resolve();
  assert.ok(root);
  const path = join(tempDir(), 'layout');
  const sink = await openOciLayoutSink(path);
  await copyGraph(source, root, sink, []);
  await sink.close();
  assert.equal(readdirSync(join(path, 'blobs', 'sha256')).sort(), readdirSync(join(shared, 'blobs', 'sha256')).sort());
});

test.run();
