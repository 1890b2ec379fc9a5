import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { readImageFile } from '../../../src/verbs/layers/read-file.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage, memorySource } from '../../support/image/image.ts';
import { dir, file, hardlink, symlink, tarOf, whiteout } from '../../support/image/tar.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('verbs/layers/read-file');

const made = makeImage({
  layers: [
    tarOf(
      file('etc/release', 'old'),
      file('etc/gone', 'x'),
      file('etc/empty'),
      file('lib/é', 'bytes'),
      symlink('etc/up', '../../../lib/é'),
      symlink('etc/dangling', '/nowhere'),
      symlink('a', 'b'),
      symlink('b', 'a'),
      symlink('conf', '/etc'),
    ),
    tarOf(
      file('first', '1'),
      whiteout('etc/gone'),
      file('etc/release', 'new'),
      hardlink('hard', 'etc/release'),
      dir('d'),
    ),
  ],
  gzip: true,
});
const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });

test('a file has the content of the highest layer, through links of all kinds', async () => {
  for (const [path, content] of [
    ['/etc/release', 'new'],
    ['etc/release', 'new'],
    ['conf/release', 'new'],
    ['conf/../etc/./release', 'new'],
    ['hard', 'new'],
    ['first', '1'],
    ['etc/empty', ''],
    ['etc/up', 'bytes'],
    ['lib/é', 'bytes'],
  ] as const) {
    assert.is((await readImageFile(image, path)).toString(), content, path);
  }
});

test('what is no file of the image is told, and so is one that is too large', async () => {
  for (const path of ['etc/gone', 'etc/dangling', 'a', 'etc/release/x', 'd', '', '..', 'etc/..', 'nowhere/x']) {
    await failureOf(readImageFile(image, path), 'SOURCE_NOT_FOUND');
  }
  await failureOf(readImageFile(image, 'etc/release', { maxBytes: 2 }), 'LIMIT_EXCEEDED');
});

test.run();
