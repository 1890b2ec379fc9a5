import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { writeBlob } from '../../src/store/intake.ts';
import { addNames, listStored, removeEntries, storedName } from '../../src/store/names.ts';
import { openStore, storeAt } from '../../src/store/open.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage } from '../support/image/image.ts';
import { tempDir } from '../support/temp-dir.ts';

const one = makeImage({ config: { author: 'one' } }).descriptor;
const two = makeImage({ config: { author: 'two' } }).descriptor;
const test = suite('store/names');

const namesIn = async (root: string) =>
  (await listStored(storeAt(root))).map(({ name, descriptor }) => [name, descriptor.digest]);

test('names are kept complete', () => {
  assert.is(storedName('alpine'), 'docker.io/library/alpine:latest');
  assert.is(storedName('example.com/a/b:1'), 'example.com/a/b:1');
  assert.is(storedName(`alpine:3.9@${one.digest}`), `docker.io/library/alpine@${one.digest}`);
});

test('a name that is given again moves, and its former image stays without a name', async () => {
  const root = tempDir();
  const store = await openStore(root);
  await addNames(store, one, ['a', 'b']);
  await addNames(store, two, ['a']);
  assert.equal(await namesIn(root), [
    ['docker.io/library/b:latest', one.digest],
    ['docker.io/library/a:latest', two.digest],
  ]);
  await addNames(store, two, ['b']);
  assert.equal(await namesIn(root), [
    [undefined, one.digest],
    ['docker.io/library/a:latest', two.digest],
    ['docker.io/library/b:latest', two.digest],
  ]);
});

test('an image without a name is listed once, and not any more when it gets a name', async () => {
  const root = tempDir();
  const store = await openStore(root);
  await addNames(store, one, []);
  await addNames(store, one, []);
  assert.equal(await namesIn(root), [[undefined, one.digest]]);
  await addNames(store, one, ['a']);
  assert.equal(await namesIn(root), [['docker.io/library/a:latest', one.digest]]);
});

test('exactly the picked images are removed', async () => {
  const root = tempDir();
  const store = await openStore(root);
  await addNames(store, one, ['a', 'b']);
  const removed = await removeEntries(store, ({ name }) => name === 'docker.io/library/a:latest');
  assert.is(removed.length, 1);
  assert.equal(await namesIn(root), [['docker.io/library/b:latest', one.digest]]);
});

test('an invalid name changes nothing', async () => {
  const root = tempDir();
  const store = await openStore(root);
  await addNames(store, one, ['a']);
  await failureOf(addNames(store, two, ['a', 'NOT A NAME']), 'REFERENCE_INVALID');
  assert.equal(await namesIn(root), [['docker.io/library/a:latest', one.digest]]);
});

test('many processes and tasks that add names at once lose no name', async () => {
  const root = tempDir();
  const store = await openStore(root);
  const script = `
      import { addNames } from ${JSON.stringify(new URL('../../src/store/names.js', import.meta.url).href)};
      import { storeAt } from ${JSON.stringify(new URL('../../src/store/open.js', import.meta.url).href)};
      const store = storeAt(process.argv[1]);
      for (let i = 0; i < 10; i++) await addNames(store, ${JSON.stringify(one)}, ['p' + process.pid + 'n' + i]);
    `;
  const children = [1, 2].map(() => spawn(process.execPath, ['--input-type=module', '-e', script, root]));
  const ended = children.map((child) => once(child, 'exit'));
  await Promise.all(Array.from({ length: 10 }, (_, index) => addNames(store, two, [`own${index}`])));
  assert.equal(
    (await Promise.all(ended)).map(([status]) => status),
    [0, 0],
  );
  assert.is((await listStored(store)).length, 30);
});

test('a directory with other files is not taken for a store, and does not become one', async () => {
  const root = tempDir();
  writeFileSync(join(root, 'letter'), 'dear');
  const error = await failureOf(openStore(root), 'STORE_INVALID');
  assert.match(error.why ?? '', 'letter');
});

test('a store whose making was interrupted is completed', async () => {
  const root = tempDir();
  mkdirSync(join(root, 'partial'));
  mkdirSync(join(root, 'blobs'));
  await openStore(root);
  assert.is(JSON.parse(readFileSync(join(root, 'oci-layout'), 'utf8')).imageLayoutVersion, '1.0.0');
});

test('several processes that make the store at once all succeed', async () => {
  const dir = tempDir();
  const root = join(dir, 'deep', 'store');
  const stores = await Promise.all(Array.from({ length: 10 }, () => openStore(root)));
  for (const store of stores) await writeBlob(store, { ...one, size: 0, digest: digestOf('') }, Buffer.alloc(0));
  assert.equal(await namesIn(root), []);
});

test.run();
