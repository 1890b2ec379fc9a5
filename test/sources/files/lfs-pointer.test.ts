import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../../src/oci/digest.ts';
import { directoryFiles } from '../../../src/sources/files/directory-files.ts';
import { openLayoutSource } from '../../../src/sources/form/layout-source.ts';
import { openSource } from '../../../src/sources/open.ts';
import { collect } from '../../../src/streams/collect.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sources/files/lfs-pointer');

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
const options = { storeRoot: '/nonexistent/store' };

async function refusal(promise: Promise<unknown>): Promise<void> {
  const error = await failureOf(promise, 'ARCHIVE_INVALID');
  assert.match(error.message, 'Git LFS pointer');
  assert.match(error.hint ?? '', 'git lfs pull');
}

test('an archive that is a Git LFS pointer is named as one', async () => {
  const path = join(tempDir(), 'image.tar');
  writeFileSync(path, POINTER);
  await refusal(openSource(path, options));
  await refusal(openSource(`docker-archive:${path}`, options));
});

test('a document of a layout that is a pointer is named too, with or without the marker', async () => {
  for (const marker of [true, false]) {
    const folder = join(tempDir(), 'layout');
    mkdirSync(folder);
    if (marker) writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(folder, 'index.json'), POINTER);
    await refusal(openSource(folder, options));
  }
});

test('a blob that is a pointer is named too, in place of "has another size"', async () => {
  const { descriptor, blobs, config } = makeImage();
  const path = writeLayout(tempDir(), [descriptor], blobs);
  const source = await openLayoutSource(directoryFiles(path), { bareTags: true });
  writeFileSync(join(path, 'blobs', 'sha256', hexOf(config.digest)), POINTER);
  await refusal(source.open(config));
  writeFileSync(join(path, 'blobs', 'sha256', hexOf(config.digest)), 'version 2 of something');
  await failureOf(source.open(config), 'SIZE_MISMATCH');
  assert.ok((await collect(await source.open(descriptor), 1 << 20, 'manifest')).length > 0);
});

test.run();
