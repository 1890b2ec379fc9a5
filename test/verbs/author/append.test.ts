import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { decompressed } from '../../../src/streams/decompress/decompress.ts';
import { readTar } from '../../../src/tar/read/entries.ts';
import { type AppendOptions, appendLayers } from '../../../src/verbs/author/append.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { saveImages } from '../../../src/verbs/image/save.ts';
import { listFiles } from '../../../src/verbs/layers/list-files.ts';
import { failureOf } from '../../support/failure-of.ts';
import { asIdentity, IDENTITIES } from '../../support/host/as-user.ts';
import { inMountNamespace } from '../../support/host/in-mount-namespace.ts';
import { authorWorld, EVERYTHING, ownDirectory, unpacked } from '../../support/image/authored.ts';
import { dir, file, hardlink, opaque, tarOf, whiteout } from '../../support/image/tar.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { sharedImage } from '../../support/shared-images.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('verbs/author/append');
const world = authorWorld();
const { folder } = world;
const MORE = tarOf(
  dir('many'),
  file('many/a', '1'),
  file('many/b', '2'),
  dir('links'),
  file('links/a', 'same'),
  hardlink('links/b', 'links/a'),
  hardlink('links/c', 'links/a'),
  dir('replaced'),
  file('replaced/x', 'x'),
  file('swapped', 'abcd', { mtime: 1000 }),
  file('gone', 'x'),
);
const base = world.source(EVERYTHING, MORE);

/** Changes a tree in all ways that a user can. */
function change(tree: string): void {
  writeFileSync(join(tree, 'new'), 'new');
  appendFileSync(join(tree, 'home/app/data'), 'more');
  rmSync(join(tree, 'gone'));
  for (const name of readdirSync(join(tree, 'many'))) rmSync(join(tree, 'many', name));
  writeFileSync(join(tree, 'many/c'), '3');
  rmSync(join(tree, 'replaced'), { recursive: true });
  writeFileSync(join(tree, 'replaced'), 'a file now');
  rmSync(join(tree, 'bin/link'));
  mkdirSync(join(tree, 'bin/link'));
  symlinkSync('nowhere', join(tree, 'bin/link/inside'));
  chmodSync(join(tree, 'bin/tool'), 0o700);
  // The link to the others is broken, and a new one is made.
  rmSync(join(tree, 'links/b'));
  writeFileSync(join(tree, 'links/b'), 'same');
  linkSync(join(tree, 'old'), join(tree, 'old-too'));
  // The size and the time stay the same.
  const { atime, mtime } = statSync(join(tree, 'swapped'));
  writeFileSync(join(tree, 'swapped'), 'dcba');
  utimesSync(join(tree, 'swapped'), atime, mtime);
}

/** The names of the entries of the last layer of an image. */
async function lastLayer(name: string, options: AppendOptions): Promise<readonly string[]> {
  await using opened = await openImage(name, options);
  const blob = await opened.image.layers.at(-1)?.open();
  const paths: string[] = [];
  for await (const { header } of readTar(decompressed(blob ?? Readable.from([]), { where: name }))) {
    paths.push(header.path);
  }
  return paths;
}

for (const identity of IDENTITIES) {
  const options = world.options(identity);

  test(`a tree that did not change gives no layer, as ${identity}`, async () => {
    await asIdentity(identity, async () => {
      const tree = await unpacked(base, join(folder, `same of ${identity}`), options);
      await using opened = await openImage(base, options);
      const { digest, layers } = await appendLayers(base, [], { ...options, changes: tree });
      assert.is(digest, opened.image.descriptor.digest);
      assert.is(layers.length, 2);
    });
  });

  test(`the image of what changed is unpacked to the changed tree, as ${identity}`, async () => {
    const tree = join(folder, `changed of ${identity}`);
    const again = join(folder, `again of ${identity}`);
    await asIdentity(identity, async () => {
      await unpacked(base, tree, options);
      change(tree);
      const { layers } = await appendLayers(base, [], { ...options, changes: tree, tags: ['changed:1'] });
      assert.is(layers.length, 3);
      await unpacked('changed:1', again, options);
    });
    const found = new Map(snapshot(again));
    const expected = new Map(snapshot(tree));
    // Nobody sets the time of the root.
    found.delete('');
    expected.delete('');
    // The mode was changed after it was recorded, so the record does not count any more.
    const stale = /^bin\/(same|tool): xattrs , expected user\.tsimg\.intended/;
    assert.equal(
      differences(found, expected).filter((line) => !stale.test(line)),
      [],
    );
    const names = await asIdentity(identity, () => lastLayer('changed:1', options));
    assert.equal(names, [
      'bin/',
      'bin/link/',
      'bin/link/inside',
      'bin/same',
      'bin/tool',
      '.wh.gone',
      'home/',
      'home/app/',
      'home/app/data',
      'links/',
      'links/b',
      'many/',
      'many/.wh..wh..opq',
      'many/c',
      'new',
      'old',
      'old-too',
      'replaced',
      'swapped',
    ]);
  });
}

test('a file that a program replaced has lost its owner, which is told', async () => {
  const options = world.options('ordinary user');
  const warnings: string[] = [];
  const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
  await asIdentity('ordinary user', async () => {
    const tree = await unpacked(base, join(folder, 'replaced'), options);
    writeFileSync(join(tree, 'home/app/new'), 'edited');
    renameSync(join(tree, 'home/app/new'), join(tree, 'home/app/data'));
    await appendLayers(base, [], { ...options, changes: tree, onEvent });
  });
  assert.is(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /^files without a record of their owner become root's \(1, such as \/home\/app\/data\):/,
  );
});

test('directories and archives become layers, in their order, and whiteouts in an archive hold', async () => {
  const options = world.options('root');
  const tree = ownDirectory(join(folder, 'over'), { 'many-more': 'x', gone: 'replaced' });
  const archive = join(folder, 'over.tar');
  writeFileSync(archive, tarOf(whiteout('swapped'), dir('many'), opaque('many'), file('many/new', 'n')));
  const made = await appendLayers(base, [tree, archive], { ...options, tags: ['over:1'], message: 'm', author: 'me' });
  assert.is(made.layers.length, 4);
  await using opened = await openImage('over:1', options);
  assert.equal(
    opened.image.config.history.slice(-2).map(({ createdBy, comment, author }) => [createdBy, comment, author]),
    [
      ['tsimg append', 'm', 'me'],
      ['tsimg append', 'm', 'me'],
    ],
  );
  const names: string[] = [];
  for await (const { path } of listFiles(opened.image)) names.push(path);
  for (const name of ['gone', 'many/new', 'many-more']) assert.ok(names.includes(name), name);
  for (const name of ['swapped', 'many/a']) assert.not(names.includes(name), name);
});

test('an archive with a whiteout that no reader accepts is refused', async () => {
  const archive = join(folder, 'invalid.tar');
  for (const wrong of [file('.wh.', ''), file('a/.wh...', ''), dir('.wh.d')]) {
    writeFileSync(archive, tarOf(wrong));
    await failureOf(appendLayers(base, [archive], { ...world.options('root'), tags: ['z:1'] }), 'LAYER_INVALID');
  }
});

test('the root directory of a layer does not change the image’s', async () => {
  const options = world.options('root');
  const tree = ownDirectory(join(folder, 'private'), { x: 'x' });
  chmodSync(tree, 0o700);
  await appendLayers(base, [tree], { ...options, tags: ['private:1'] });
  assert.equal(await lastLayer('private:1', options), ['x']);
});

test('a call that makes no sense is refused before anything is read', async () => {
  await failureOf(appendLayers('nothing.example/no:1', []), 'USAGE');
  await failureOf(appendLayers('nothing.example/no:1', [], { changes: 'x', owner: { uid: 1, gid: 1 } }), 'USAGE');
  await failureOf(appendLayers(base, ['-', '-'], world.options('root')), 'USAGE');
  await failureOf(appendLayers(base, [join(folder, 'missing')], world.options('root')), 'SOURCE_NOT_FOUND');
  await failureOf(
    appendLayers(base, [], { ...world.options('root'), changes: join(folder, 'no') }),
    'SOURCE_NOT_FOUND',
  );
});

if (haveRoot() && haveTools('unshare')) {
  test('what is mounted over /proc and /sys changes nothing of these directories', async () => {
    const options = world.options('root');
    const source = world.source(EVERYTHING, tarOf(dir('proc'), file('proc/a', 'a'), file('proc/b', 'b'), dir('sys')));
    const tree = await unpacked(source, join(folder, 'mounted'), options);
    const append = `
      import { appendLayers } from '${new URL('../../../src/verbs/author/append.js', import.meta.url)}';
      const options = { root: '${options.root}', changes: process.argv[1] };
      console.log((await appendLayers('${source}', [], options)).layers.length);`;
    const mounts = 'mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys"';
    assert.is(inMountNamespace(mounts, append, tree), '2');
  });
}

if (haveRoot() && haveTools('umoci')) {
  /** Compares the image of changes with umoci's. @param layout an OCI layout with a tag `1` */
  async function compareWithUmoci(layout: string, edit: (tree: string) => void): Promise<void> {
    const options = world.options('root');
    const place = tempDir();
    const bundle = join(place, 'bundle');
    const umoci = (...args: readonly string[]) => execFileSync('umoci', args, { stdio: 'pipe' });
    umoci('unpack', '--image', `${layout}:1`, bundle);
    edit(join(bundle, 'rootfs'));
    const changes = join(bundle, 'rootfs');
    await appendLayers(`oci:${layout}:1`, [], { ...options, changes, output: `oci:${layout}:ours` });
    umoci('repack', '--image', `${layout}:theirs`, bundle);
    const ours = await unpacked(`oci:${layout}:ours`, join(place, 'ours'), options);
    const theirs = await unpacked(`oci:${layout}:theirs`, join(place, 'theirs'), options);
    // umoci makes an entry of the root, and writes whole seconds.
    const lines = differences(snapshot(ours), snapshot(theirs)).filter((line) => !/^\.:|: mtime /.test(line));
    assert.equal(lines, []);
    const umocis = join(place, 'umocis');
    umoci('raw', 'unpack', '--image', `${layout}:ours`, umocis);
    assert.equal(
      differences(snapshot(umocis), snapshot(ours)).filter((line) => !line.startsWith('.:')),
      [],
    );
  }

  test('umoci repack makes an image of the same tree', async () => {
    await compareWithUmoci(base.slice('oci:'.length, -':1'.length), change);
  });

  const alpine = sharedImage('alpine-3.9.4-docker-save.tar.gz');
  if (alpine !== undefined) {
    test('of a real image, too', async () => {
      const layout = join(folder, 'alpine');
      await saveImages([alpine], {
        destination: { path: layout },
        format: 'oci-dir',
        storeRoot: join(folder, 'store'),
      });
      const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
      for (const manifest of index.manifests) manifest.annotations = { 'org.opencontainers.image.ref.name': '1' };
      writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
      await compareWithUmoci(layout, (tree) => {
        writeFileSync(join(tree, 'etc/motd'), 'changed');
        rmSync(join(tree, 'etc/passwd'));
        for (const name of readdirSync(join(tree, 'media'))) rmSync(join(tree, 'media', name), { recursive: true });
        rmSync(join(tree, 'usr/share'), { recursive: true });
        chmodSync(join(tree, 'bin/busybox'), 0o700);
        mkdirSync(join(tree, 'srv/new'), { recursive: true });
        linkSync(join(tree, 'bin/busybox'), join(tree, 'srv/new/busybox'));
      });
    });
  }
}

test.run();
