import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { preferLocal } from '../../src/sources/prefer-local.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage, memorySource } from '../support/image/image.ts';

const test = suite('sources/prefer-local');

const { descriptor, blobs } = makeImage();
const text = async (source: ReturnType<typeof memorySource>, local: ReturnType<typeof memorySource>) =>
  (await buffer(await preferLocal(source, local).open(descriptor))).toString();
const MANIFEST = blobs.get(descriptor.digest)?.toString();

test('local content is not fetched', async () => {
  const far = memorySource(descriptor, blobs);
  assert.is(await text(far, memorySource(undefined, blobs)), MANIFEST);
  assert.equal(far.opened, []);
});

test('missing or damaged content is fetched', async () => {
  const damaged = new Map([[descriptor.digest, Buffer.alloc(descriptor.size)]]);
  const short = new Map([[descriptor.digest, Buffer.alloc(1)]]);
  for (const local of [new Map(), damaged, short]) {
    const far = memorySource(descriptor, blobs);
    assert.is(await text(far, memorySource(undefined, local)), MANIFEST);
    assert.equal(far.opened, [descriptor.digest]);
  }
});

test('content that is missing everywhere is the source’s error', async () => {
  const nowhere = memorySource(descriptor, new Map());
  await failureOf(preferLocal(nowhere, memorySource(undefined, new Map())).open(descriptor), 'BLOB_NOT_FOUND');
});

test('content too large for a document is not read locally', async () => {
  const large = { ...descriptor, size: 5 * 1024 * 1024 };
  const local = memorySource(undefined, blobs);
  const far = memorySource(descriptor, blobs);
  await failureOf(buffer(await preferLocal(far, local).open(large)), 'SIZE_MISMATCH');
  assert.equal(local.opened, []);
});

test.run();
