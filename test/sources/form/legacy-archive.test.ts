import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { type LoadedImage, loadImage } from '../../../src/image/load.ts';
import { openSource } from '../../../src/sources/open.ts';
import { failureOf } from '../../support/failure-of.ts';
import { file, type TarPart, tarOf } from '../../support/image/tar.ts';
import { verifyImage } from '../../support/image/verify-image.ts';
import { sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';

// docker save of 2013 to 2015: `repositories`, and for each image a folder with VERSION, json and layer.tar.
const test = suite('sources/form/legacy-archive');

const [BASE, MIDDLE, TOP] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string];
const LAYER = tarOf(file('a', 'a'));
const UPPER = tarOf(file('b', 'b'));

function image(id: string, json: Readonly<Record<string, unknown>>, layer: Buffer): readonly TarPart[] {
  return [
    file(`${id}/VERSION`, '1.0'),
    file(`${id}/json`, JSON.stringify({ id, ...json })),
    file(`${id}/layer.tar`, layer),
  ];
}

async function load(...parts: readonly TarPart[]): Promise<LoadedImage> {
  const path = join(tempDir(), 'archive');
  writeFileSync(path, tarOf(...parts, file('repositories', JSON.stringify({ x: { latest: TOP } }))));
  const { source } = await openSource(path, { storeRoot: '/nonexistent/store' });
  try {
    const loaded = await loadImage(source);
    await verifyImage(loaded);
    return loaded;
  } finally {
    await source.close();
  }
}

test('an image whose JSON has no config, or null, has none', async () => {
  for (const config of [{}, { config: null }]) {
    const { config: loaded, layers } = await load(
      ...image(TOP, { os: 'linux', architecture: 'amd64', ...config }, LAYER),
    );
    assert.equal([loaded.run.cmd, loaded.run.env, layers.length], [[], [], 1]);
  }
});

test('an empty layer is left out, and marked in the history', async () => {
  const loaded = await load(
    ...image(BASE, { created: '2013-06-13T14:03:50.821769-07:00' }, LAYER),
    ...image(
      MIDDLE,
      { parent: BASE, container_config: { Cmd: ['/bin/sh', '-c', '#(nop) CMD [sh]'] } },
      Buffer.alloc(0),
    ),
    ...image(TOP, { parent: MIDDLE, config: { Cmd: ['sh'] }, container_config: { Cmd: 'a word' } }, UPPER),
  );
  assert.equal(loaded.config.diffIds, [LAYER, UPPER].map(digestOf));
  assert.equal(
    loaded.config.history.map(({ createdBy, emptyLayer }) => [createdBy, emptyLayer]),
    [
      [undefined, false],
      ['/bin/sh -c #(nop) CMD [sh]', true],
      ['a word', false],
    ],
  );
  assert.equal(loaded.config.run.cmd, ['sh']);
});

test('a chain of a thousand images is read, a longer one is a cycle', async () => {
  const chain = (length: number) => {
    const ids = [TOP, ...Array.from({ length: length - 1 }, (_, at) => at.toString(16).padStart(64, '0'))];
    return ids.flatMap((id, at) =>
      image(id, at + 1 < length ? { parent: ids[at + 1] } : {}, at ? Buffer.alloc(0) : LAYER),
    );
  };
  const { config } = await load(...chain(1000));
  assert.equal([config.history.length, config.diffIds.length], [1000, 1]);
  const error = await failureOf(load(...chain(1001)), 'ARCHIVE_INVALID');
  assert.match(error.what, /name each other as parent/);
  await failureOf(
    load(...image(TOP, { parent: BASE }, LAYER), ...image(BASE, { parent: TOP }, LAYER)),
    'ARCHIVE_INVALID',
  );
});

test('an archive that docker saved in 2015 is read', async () => {
  const path = sharedImage('docker-v1.0-busybox.tgz');
  if (path === undefined) return;
  const { source } = await openSource(path, { storeRoot: '/nonexistent/store' });
  const loaded = await loadImage(source, { name: 'busybox' });
  await verifyImage(loaded);
  assert.equal([loaded.layers.length, loaded.config.run.cmd], [3, ['/bin/sh']]);
  await source.close();
});

test.run();
