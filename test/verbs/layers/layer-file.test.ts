import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collect } from '../../../src/streams/collect.ts';
import { writeLayerFile } from '../../../src/verbs/layers/layer-file.ts';

const test = suite('verbs/layers/layer-file');

test('a reader that gives up leaves the layer for the next one, and its file is closed once', async () => {
  const tar = Buffer.alloc(1024 * 1024, 7);
  const layer = await writeLayerFile([Readable.from([tar], { objectMode: false })], { kind: 'none' });
  const first = await layer.open();
  for await (const chunk of first) {
    assert.ok(chunk.length < tar.length);
    break;
  }
  assert.ok(first.destroyed);
  assert.equal(await collect(await layer.open(), tar.length, 'layer'), tar);
  await layer[Symbol.asyncDispose]();
});

test.run();
