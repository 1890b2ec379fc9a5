import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDigest } from '../../src/oci/digest.ts';
import { hasBlob, verifyBlob } from '../../src/store/blobs.ts';
import { writeBlob } from '../../src/store/intake.ts';
import { blobPath } from '../../src/store/layout-names.ts';
import { openStore } from '../../src/store/open.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe } from '../support/image/image.ts';
import { tempDir } from '../support/temp-dir.ts';

const bytes = Buffer.from('some content');
const descriptor = describe('application/octet-stream', bytes);
const test = suite('store/blobs');

test('a blob is stored under its digest, readable and 0644 whatever the umask', async () => {
  const dir = tempDir();
  const before = process.umask(0o077);
  try {
    const store = await openStore(join(dir, 'store'));
    assert.not.ok(await hasBlob(store, descriptor));
    await writeBlob(store, descriptor, Readable.from([bytes]));
    assert.ok(await hasBlob(store, descriptor));
    const path = blobPath(store.root, descriptor.digest);
    assert.equal(readFileSync(path), bytes);
    assert.is(lstatSync(path).mode & 0o7777, 0o644);
    assert.is(lstatSync(join(path, '..')).mode & 0o7777, 0o755);
    assert.is(lstatSync(store.root).mode & 0o7777, 0o700);
  } finally {
    process.umask(before);
  }
});

test('wrong content leaves nothing, not even a partial file', async () => {
  const dir = tempDir();
  const store = await openStore(dir);
  const other = Buffer.from('othe content');
  await failureOf(writeBlob(store, descriptor, Readable.from([other])), 'DIGEST_MISMATCH');
  await failureOf(writeBlob(store, descriptor, other), 'DIGEST_MISMATCH');
  await failureOf(writeBlob(store, descriptor, Readable.from([bytes, bytes])), 'SIZE_MISMATCH');
  await failureOf(writeBlob(store, descriptor, Readable.from([bytes.subarray(1)])), 'SIZE_MISMATCH');
  assert.not.ok(await hasBlob(store, descriptor));
  assert.equal(readdirSync(store.partial), []);
});

test('a stream that fails before its first byte fails the write and leaves nothing', async () => {
  const dir = tempDir();
  const store = await openStore(dir);
  const broken = new Readable({ read() {} });
  const error = new Error('gone');
  setImmediate(() => broken.destroy(error));
  const thrown: unknown = await writeBlob(store, descriptor, broken).catch((reason: unknown) => reason);
  assert.is(thrown, error);
  assert.equal(readdirSync(store.partial), []);
});

test('many writers of the same blob all succeed', async () => {
  const dir = tempDir();
  const store = await openStore(dir);
  await Promise.all(Array.from({ length: 20 }, () => writeBlob(store, descriptor, Readable.from([bytes]))));
  assert.equal(readFileSync(blobPath(store.root, descriptor.digest)), bytes);
  assert.equal(readdirSync(store.partial), []);
});

test('an existing blob is not read again, and its stream is closed', async () => {
  const dir = tempDir();
  const store = await openStore(dir);
  await writeBlob(store, descriptor, bytes);
  const stream = new Readable({ read: () => assert.unreachable('it was read') });
  await writeBlob(store, descriptor, stream);
  assert.ok(stream.destroyed);
});

test('a link in the place of a blob is not taken for the blob, and is never written through', async () => {
  const dir = tempDir();
  const store = await openStore(join(dir, 'store'));
  const outside = join(dir, 'outside');
  writeFileSync(outside, 'mine');
  symlinkSync(outside, blobPath(store.root, descriptor.digest));
  assert.not.ok(await hasBlob(store, descriptor));
  await writeBlob(store, descriptor, bytes);
  assert.is(readFileSync(outside, 'utf8'), 'mine');
  assert.ok(await hasBlob(store, descriptor));
});

test('sha512 digests are kept in a directory of their own', async () => {
  const dir = tempDir();
  const store = await openStore(dir);
  const digest = parseDigest(`sha512:${createHash('sha512').update(bytes).digest('hex')}`);
  await writeBlob(store, { ...descriptor, digest }, bytes);
  assert.ok(existsSync(join(dir, 'blobs', 'sha512')));
});

const SPOILT: readonly (readonly [string, (path: string) => void])[] = [
  ['cut short', (path) => writeFileSync(path, bytes.subarray(1))],
  ['changed', (path) => writeFileSync(path, 'x'.repeat(bytes.length))],
  ['empty', (path) => writeFileSync(path, '')],
  ['a directory', (path) => mkdirSync(path)],
];

for (const [how, spoil] of SPOILT) {
  test(`a blob that is ${how} is not used, and writing it repairs it`, async () => {
    const store = await openStore(tempDir());
    spoil(blobPath(store.root, descriptor.digest));
    assert.not.ok(await hasBlob(store, descriptor));
    await writeBlob(store, descriptor, Readable.from([bytes]));
    assert.ok(await hasBlob(store, descriptor));
    assert.is(await verifyBlob(store, descriptor), 'right');
  });

  test(`a blob that is ${how} is moved away when it is verified`, async () => {
    const store = await openStore(tempDir());
    spoil(blobPath(store.root, descriptor.digest));
    assert.is(await verifyBlob(store, descriptor), 'damaged');
    assert.is(await verifyBlob(store, descriptor), 'missing');
    assert.is(readdirSync(store.partial).length, 1);
  });
}

test('a blob larger than a document exists by its size, and is verified on demand', async () => {
  const store = await openStore(tempDir());
  const large = Buffer.alloc(5 * 1024 * 1024, 1);
  const layer = describe('', large);
  await writeBlob(store, layer, large);
  const path = blobPath(store.root, layer.digest);
  writeFileSync(path, Buffer.alloc(large.length, 2));
  assert.ok(await hasBlob(store, layer));
  assert.is(await verifyBlob(store, layer), 'damaged');
  writeFileSync(path, large.subarray(1));
  assert.not.ok(await hasBlob(store, layer));
});

test('many processes that verify and write a damaged blob at once leave the right one', async () => {
  const store = await openStore(tempDir());
  const path = blobPath(store.root, descriptor.digest);
  for (let round = 0; round < 20; round++) {
    writeFileSync(path, 'x'.repeat(bytes.length));
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await verifyBlob(store, descriptor);
        await writeBlob(store, descriptor, bytes);
      }),
    );
    assert.is(await verifyBlob(store, descriptor), 'right');
  }
});

test('another size promised for an undamaged blob is an error, and the blob stays', async () => {
  const store = await openStore(tempDir());
  await writeBlob(store, descriptor, bytes);
  const hostile = { ...descriptor, size: bytes.length - 1 };
  await failureOf(verifyBlob(store, hostile), 'SIZE_MISMATCH');
  assert.is(await verifyBlob(store, descriptor), 'right');
});

test.run();
