import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { openSource } from '../../../src/sources/open.ts';
import { listFiles } from '../../../src/verbs/layers/list-files.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage, memorySource } from '../../support/image/image.ts';
import { dir, file, tarOf, whiteout } from '../../support/image/tar.ts';
import { sharedImage } from '../../support/shared-images.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('verbs/layers/list-files');

test('the list has the files that the layers fold into', async () => {
  const layers = [tarOf(dir('etc'), file('etc/old'), file('etc/kept', 'abc')), tarOf(whiteout('etc/old'), file('new'))];
  const made = makeImage({ layers, gzip: true });
  const paths: string[] = [];
  for await (const { path } of listFiles(await loadImage(memorySource(made.descriptor, made.blobs), { platform }))) {
    paths.push(path);
  }
  assert.equal(paths, ['', 'etc', 'etc/kept', 'new']);
});

test('a layer of another diff ID is refused before anything is listed', async () => {
  const made = makeImage({
    layers: [tarOf(file('a'))],
    config: { rootfs: { diff_ids: [`sha256:${'0'.repeat(64)}`] } },
  });
  const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
  await failureOf(listFiles(image).next(), 'DIFF_ID_MISMATCH');
});

test('the image of the tutorial has 482 entries, as for other tools', async () => {
  const path = sharedImage('alpine-3.9.4-docker-save.tar.gz');
  if (path === undefined) return;
  const { source } = await openSource(path, { storeRoot: '/nonexistent' });
  let count = 0;
  for await (const { path: name } of listFiles(await loadImage(source))) if (name !== '') count += 1;
  assert.is(count, 482);
  await source.close();
});

test.run();
