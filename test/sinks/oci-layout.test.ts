import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import { LAYOUT_ROOM } from '../../src/sinks/layout-room.ts';
import { openOciLayoutSink } from '../../src/sinks/oci-layout.ts';
import { openSource } from '../../src/sources/open.ts';
import { blobPath } from '../../src/store/layout-names.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage, memorySource } from '../support/image/image.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('sinks/oci-layout');
const made = makeImage({ layers: [Buffer.alloc(5000, 1), Buffer.alloc(6000, 2)] });

/** Writes the image but does not publish it. */
async function written(path: string) {
  const sink = await openOciLayoutSink(path);
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { name: undefined, platform: undefined });
  for (const [digest, bytes] of made.blobs) {
    await sink.write({ mediaType: '', digest, size: bytes.length }, bytes);
  }
  return { sink, image };
}

test('a new layout whose publication failed half way is continued', async () => {
  const path = join(tempDir(), 'layout');
  const { sink, image } = await written(path);
  // The blobs move in the order in which they were written: the last one is not there.
  rmSync(blobPath(join(path, LAYOUT_ROOM), made.descriptor.digest));
  await failureOf(sink.publish(made.descriptor, []), 'BLOB_NOT_FOUND');
  await sink.close();
  assert.ok(existsSync(join(path, 'blobs')));
  const next = await openOciLayoutSink(path);
  await copyImage(image, next, { names: ['app:1'] });
  await next.close();
  assert.equal(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
  assert.is(JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')).manifests.length, 1);
  const { source } = await openSource(`oci:${path}`, { storeRoot: '/nonexistent' });
  assert.is((await source.resolve(undefined))?.digest, made.descriptor.digest);
  await source.close();
});

test.run();
