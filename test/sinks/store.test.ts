import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyImage } from '../../src/image/copy.ts';
import { loadImage } from '../../src/image/load.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { openStoreSink } from '../../src/sinks/store.ts';
import { openStoreSource } from '../../src/sources/store.ts';
import { storeAt } from '../../src/store/open.ts';
import { sweep } from '../../src/store/sweep.ts';
import { collect } from '../../src/streams/collect.ts';
import { makeImage, memorySource } from '../support/image/image.ts';
import { writeLayout } from '../support/image/layout.ts';
import { file, tarOf } from '../support/image/tar.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

const platform = parsePlatform('linux/amd64');
const test = suite('sinks/store');

async function put(root: string, made: ReturnType<typeof makeImage>, names: readonly string[]): Promise<void> {
  const sink = await openStoreSink(root);
  try {
    await copyImage(await loadImage(memorySource(made.descriptor, made.blobs), { platform }), sink, { names });
  } finally {
    await sink.close();
  }
}

test('an image of the store is read by any of its names', async () => {
  const root = join(tempDir(), 'store');
  const made = makeImage({ layers: [tarOf(file('a', 'a')), tarOf(file('b', 'b'))], gzip: true });
  await put(root, made, ['alpine:3.9', 'example.com/x/y']);
  const source = await openStoreSource(root);
  try {
    for (const name of [
      'alpine:3.9',
      'docker.io/library/alpine:3.9',
      'example.com/x/y:latest',
      made.descriptor.digest,
    ]) {
      const image = await loadImage(source, { name, platform });
      assert.is(image.descriptor.digest, made.descriptor.digest);
      for (const layer of image.layers) await collect(await layer.open(), 4096, 'layer');
    }
    // A bare tag is a name of its own here: `3.9` would be docker.io/library/3.9.
    assert.is(await source.resolve('3.9'), undefined);
  } finally {
    await source.close();
  }
});

test('a missing store is empty, and reading does not make it', async () => {
  const root = join(tempDir(), 'store');
  const source = await openStoreSource(root);
  assert.is(await source.resolve('alpine'), undefined);
  assert.equal(await source.list?.(), []);
  assert.equal(readdirSync(join(root, '..')), []);
});

test('two writers of the same image both succeed', async () => {
  const root = join(tempDir(), 'store');
  const made = makeImage({ layers: Array.from({ length: 6 }, (_, i) => Buffer.alloc(300_000, i)) });
  await Promise.all([put(root, made, ['a']), put(root, made, ['a']), put(root, made, ['b'])]);
  const source = await openStoreSource(root);
  assert.is((await source.list?.())?.length, 2);
  await source.close();
});

test('a writer killed at any moment leaves a valid store', async () => {
  const dir = tempDir();
  const root = join(dir, 'store');
  const made = makeImage({ layers: Array.from({ length: 20 }, (_, i) => Buffer.alloc(200_000, i)) });
  const layout = writeLayout(join(dir, 'layout'), [made.descriptor], made.blobs);
  const url = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    import { copyImage } from ${url('image/copy.js')};
    import { loadImage } from ${url('image/load.js')};
    import { openStoreSink } from ${url('sinks/store.js')};
    import { directoryFiles } from ${url('sources/files/directory-files.js')};
    import { openLayoutSource } from ${url('sources/form/layout-source.js')};
    const image = await loadImage(await openLayoutSource(directoryFiles(process.argv[1]), { bareTags: true }));
    const sink = await openStoreSink(process.argv[2]);
    console.log('go');
    await copyImage(image, sink, { names: ['killed'] });
    await sink.close();`;
  let published = 0;
  for (const delay of [0, 5, 10, 20, 40, 80]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, layout, root]);
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    await sleep(delay);
    child.kill('SIGKILL');
    await exit;
    const source = await openStoreSource(root);
    try {
      if ((await source.resolve('killed')) === undefined) continue;
      published += 1;
      const image = await loadImage(source, { name: 'killed', platform });
      for (const layer of image.layers) await collect(await layer.open(), 1 << 20, 'layer');
    } finally {
      await source.close();
    }
  }
  await put(root, made, ['killed']);
  assert.ok(await sweep(storeAt(root)), `${published} of the killed ones had published`);
  assert.equal(readdirSync(join(root, 'partial')), []);
  assert.is(readdirSync(join(root, 'blobs', 'sha256')).length, 22);
});

test('skopeo and umoci read the store as an OCI layout', async () => {
  if (!haveTools('skopeo', 'umoci')) return;
  const root = join(tempDir(), 'store');
  const made = makeImage({ layers: [tarOf(file('etc/motd', 'hello'))], gzip: true });
  await put(root, made, ['alpine:3.9']);
  const name = 'docker.io/library/alpine:3.9';
  const skopeo = spawnSync('skopeo', ['inspect', `oci:${root}:${name}`], { encoding: 'utf8' });
  assert.is(skopeo.status, 0, skopeo.stderr);
  assert.is(JSON.parse(skopeo.stdout).Digest, made.descriptor.digest);
  const umoci = spawnSync('umoci', ['stat', '--json', '--image', `${root}:${name}`], { encoding: 'utf8' });
  assert.is(umoci.status, 0, umoci.stderr);
  const list = spawnSync('umoci', ['list', '--layout', root], { encoding: 'utf8' });
  assert.is(list.stdout.trim(), name);
});

test.run();
