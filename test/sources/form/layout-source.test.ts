import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../../src/image/load.ts';
import { hexOf } from '../../../src/oci/digest.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { directoryFiles } from '../../../src/sources/files/directory-files.ts';
import { openLayoutSource } from '../../../src/sources/form/layout-source.ts';
import { collect } from '../../../src/streams/collect.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');
const one = makeImage({ config: { author: 'one' } });
const two = makeImage({ config: { author: 'two' } });
const openLayout = (path: string) => openLayoutSource(directoryFiles(path), { bareTags: true });
const test = suite('sources/form/layout-source');

test('an image is found by tag, by full name, by familiar name, by digest and by ID', async () => {
  const full = 'docker.io/library/alpine:3.9';
  const path = writeLayout(tempDir(), [named(one.descriptor, '3.9', full), named(two.descriptor, 'x')], one.blobs);
  const source = await openLayout(path);
  const { digest } = one.descriptor;
  const id = hexOf(one.config.digest);
  for (const name of ['3.9', full, 'alpine:3.9', `alpine@${digest}`, digest, one.config.digest, id, id.slice(0, 12)]) {
    assert.is((await source.resolve(name))?.digest, digest, name);
  }
  assert.is(await source.resolve('alpine:3.10'), undefined);
  assert.is(await source.resolve(`debian@${digest}`), undefined);
});

test('an exact name wins over an equivalent one', async () => {
  const path = writeLayout(tempDir(), [named(one.descriptor, 'alpine:latest'), named(two.descriptor, 'latest')]);
  const source = await openLayout(path);
  assert.is((await source.resolve('latest'))?.digest, two.descriptor.digest);
  assert.is((await source.resolve('alpine'))?.digest, one.descriptor.digest);
});

test('without a name, the only image is selected; several are listed by the error', async () => {
  const single = await openLayout(writeLayout(tempDir(), [named(one.descriptor, 'a')]));
  assert.is((await single.resolve())?.digest, one.descriptor.digest);
  const twice = [named(one.descriptor, 'a'), named(one.descriptor, 'b')];
  assert.is((await (await openLayout(writeLayout(tempDir(), twice))).resolve())?.digest, one.descriptor.digest);
  const several = [named(one.descriptor, 'a'), named(two.descriptor, 'b')];
  const error = await failureOf((await openLayout(writeLayout(tempDir(), several))).resolve(), 'IMAGE_AMBIGUOUS');
  assert.equal(error.facts.images, ['a', 'b']);
});

test('the platforms of one image, listed side by side, are chosen from', async () => {
  const other = makeImage({ platform: arm64 });
  const entries = [
    { ...one.descriptor, platform: amd64 },
    { ...other.descriptor, platform: arm64 },
  ];
  const source = await openLayout(writeLayout(tempDir(), entries, one.blobs, other.blobs));
  assert.is((await loadImage(source, { platform: arm64 })).descriptor.digest, other.descriptor.digest);
  assert.is((await loadImage(source, { platform: amd64 })).descriptor.digest, one.descriptor.digest);
});

test('two images of one platform without names are not chosen from', async () => {
  const entries = [one.descriptor, two.descriptor].map((descriptor) => ({ ...descriptor, platform: amd64 }));
  await failureOf((await openLayout(writeLayout(tempDir(), entries))).resolve(), 'IMAGE_AMBIGUOUS');
});

test('a missing blob is an error only when it is read', async () => {
  const path = writeLayout(tempDir(), [one.descriptor], one.blobs);
  const source = await openLayout(path);
  const image = await loadImage(source, { platform: amd64 });
  const [layer] = image.layers;
  assert.ok(layer);
  rmSync(join(path, 'blobs', 'sha256', hexOf(layer.descriptor.digest)));
  await failureOf(layer.open(), 'BLOB_NOT_FOUND');
});

test('a blob of other bytes fails while it is read, one of another size before that', async () => {
  const path = writeLayout(tempDir(), [one.descriptor], one.blobs);
  const image = await loadImage(await openLayout(path), { platform: amd64 });
  const [layer] = image.layers;
  assert.ok(layer);
  const file = join(path, 'blobs', 'sha256', hexOf(layer.descriptor.digest));
  writeFileSync(file, Buffer.alloc(1024, 1));
  await failureOf(collect(await layer.open(), 4096, 'layer'), 'DIGEST_MISMATCH');
  writeFileSync(file, Buffer.alloc(1025));
  await failureOf(layer.open(), 'SIZE_MISMATCH');
});

test('a link out of the layout, or a pipe in it, is refused, and nothing hangs', async () => {
  const path = writeLayout(tempDir(), [one.descriptor], one.blobs);
  const source = await openLayout(path);
  const image = await loadImage(source, { platform: amd64 });
  const [layer] = image.layers;
  assert.ok(layer);
  const file = join(path, 'blobs', 'sha256', hexOf(layer.descriptor.digest));
  renameSync(file, join(path, 'moved'));
  symlinkSync(join(path, 'moved'), file);
  assert.is((await collect(await layer.open(), 1 << 20, 'layer')).length, layer.descriptor.size, 'it stays inside');
  rmSync(file);
  renameSync(join(path, 'moved'), `${path}-moved`);
  symlinkSync(`${path}-moved`, file);
  const error = await failureOf(layer.open(), 'FILESYSTEM');
  assert.match(error.why ?? '', 'leads out');
  rmSync(`${path}-moved`);
  rmSync(file);
  assert.is(spawnSync('mkfifo', [file]).status, 0);
  await failureOf(layer.open(), 'FILESYSTEM');
  rmSync(join(path, 'index.json'));
  symlinkSync('/etc/passwd', join(path, 'index.json'));
  await failureOf(openLayout(path), 'FILESYSTEM');
});

test('a directory that is not a layout, or has another version, is refused', async () => {
  const path = tempDir();
  await failureOf(openLayout(path), 'ARCHIVE_INVALID');
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
  await failureOf(openLayout(path), 'FORMAT_UNSUPPORTED');
});

test('a complete docker manifest list is chosen from by platform', async () => {
  const path = sharedImage('hello-world-multiarch-layout');
  if (path === undefined) return;
  const source = await openLayout(path);
  for (const platform of ['linux/amd64', 'linux/arm/v7', 'linux/arm/v5', 'linux/s390x', 'linux/arm64/v8']) {
    const image = await loadImage(source, { platform: parsePlatform(platform) });
    assert.is(image.config.platform.architecture, platform.split('/')[1]);
    for (const layer of image.layers) await collect(await layer.open(), 1 << 20, 'layer');
  }
  await failureOf(loadImage(source, { platform: parsePlatform('linux/loong64') }), 'PLATFORM_NOT_FOUND');
});

test.run();
