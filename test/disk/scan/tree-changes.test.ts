import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clampTimes } from '../../../src/disk/scan/clamp-times.ts';
import { layerEntries } from '../../../src/disk/scan/layer-entries.ts';
import { type TreeChangesOptions, treeChanges } from '../../../src/disk/scan/tree-changes.ts';
import { Tree } from '../../../src/rootfs/tree.ts';
import { createByteBudget } from '../../../src/streams/byte-budget.ts';
import { tarChunks } from '../../../src/tar/write/tar-chunks.ts';
import { failureOf } from '../../support/failure-of.ts';
import { readWhole } from '../../support/image/read-tar.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('disk/scan/tree-changes');

/** Lists the changes of a directory, lets an action change it, and writes the layer. */
async function layerOf(path: string, between: () => void, options: Partial<TreeChangesOptions> = {}): Promise<Buffer> {
  const root = openSync(path, 'r');
  try {
    const settings = { owners: 'kept', records: false, withRoot: false, onSkipped: () => {} } as const;
    const changes = await treeChanges(root, { ...settings, ...options });
    between();
    const entries = layerEntries(root, changes, { budget: createByteBudget(), onSkipped: () => {} });
    return await buffer(Readable.from(tarChunks(clampTimes(entries, undefined)), { objectMode: false }));
  } finally {
    closeSync(root);
  }
}

function treeWith(files: Readonly<Record<string, string>>): string {
  const path = tempDir();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

test('a file that becomes shorter while it is read is an error', async () => {
  const path = treeWith({ log: 'x'.repeat(5000) });
  await failureOf(
    layerOf(path, () => truncateSync(join(path, 'log'), 100)),
    'SIZE_MISMATCH',
  );
});

test('a list has new sockets, and no places of mounts that hold nothing', async () => {
  const path = treeWith({ place: '', filled: 'x' });
  mkdirSync(join(path, 'over/here'), { recursive: true });
  const server = createServer().listen(join(path, 'socket'));
  await once(server, 'listening');
  const root = openSync(path, 'r');
  try {
    const settings = { owners: 'kept', records: false, withRoot: true, onSkipped: () => {} } as const;
    const mountPlaces = new Set(['place', 'filled', 'over', 'over/here']);
    const base = { root: new Tree().root, pool: path };
    const names = async (options: Partial<TreeChangesOptions>) =>
      (await treeChanges(root, { ...settings, base, ...options })).map((change) => change.path);
    assert.equal((await names({ mountPlaces, withSockets: true })).filter(Boolean), ['filled', 'socket']);
    assert.equal((await names({})).filter(Boolean), ['filled', 'over', 'over/here', 'place']);
  } finally {
    closeSync(root);
    server.close();
  }
});

test('a file that grows while it is read is taken as long as it was', async () => {
  const path = treeWith({ log: 'x'.repeat(10) });
  const [entry] = readWhole(await layerOf(path, () => writeFileSync(join(path, 'log'), 'y'.repeat(100))));
  assert.is(entry?.content.toString(), 'y'.repeat(10));
});

test('a file that is replaced by a link while it is read is not followed', async () => {
  const secret = treeWith({ key: 'secret' });
  const path = treeWith({ a: 'plain' });
  const replace = () => {
    symlinkSync(join(secret, 'key'), join(path, 'link'));
    renameSync(join(path, 'link'), join(path, 'a'));
  };
  const { code } = await failureOf(layerOf(path, replace));
  assert.is(code, 'FILESYSTEM');
});

test('a directory that is replaced by a link is not entered', async () => {
  const secret = tempDir();
  writeFileSync(join(secret, 'key'), 'secret');
  const path = tempDir();
  mkdirSync(join(path, 'dir'));
  writeFileSync(join(path, 'dir', 'key'), 'plain!');
  const replace = () => {
    renameSync(join(path, 'dir'), join(path, 'moved'));
    symlinkSync(secret, join(path, 'dir'));
  };
  const { code } = await failureOf(layerOf(path, replace));
  assert.is(code, 'FILESYSTEM');
});

test('names are in the order of their bytes, and children follow their parents', async () => {
  const path = tempDir();
  for (const name of ['b', 'a', 'B', 'a.x', 'é']) mkdirSync(join(path, name));
  writeFileSync(join(path, 'a', 'z'), '');
  const names = readWhole(await layerOf(path, () => {})).map(({ header }) => header.path);
  assert.equal(names, ['B/', 'a/', 'a/z', 'a.x/', 'b/', `${Buffer.from('é').toString('latin1')}/`]);
});

test('a deep directory is refused, not walked for ever', async () => {
  const path = tempDir();
  mkdirSync(join(path, ...Array.from({ length: 520 }, () => 'd')), { recursive: true });
  await failureOf(
    layerOf(path, () => {}),
    'LIMIT_EXCEEDED',
  );
});

test.run();
