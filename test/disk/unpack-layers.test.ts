import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildRootfs } from '../../src/disk/build-rootfs.ts';
import { unpackLayers } from '../../src/disk/unpack-layers.ts';
import type { Form } from '../../src/rootfs/fold/real-attributes.ts';
import { asIdentity } from '../support/host/as-user.ts';
import { layerInputs } from '../support/image/layer-input.ts';
import { charDevice, dir, file, hardlink, opaque, symlink, tarOf, whiteout } from '../support/image/tar.ts';
import { differences, snapshot } from '../support/image/tree-snapshot.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

const test = suite('disk/unpack-layers');

const LAYERS: readonly Buffer[] = [
  tarOf(
    dir('.', { mode: 0o711, mtime: 3 }),
    dir('etc', { mtime: 5, mode: 0o750 }),
    file('etc/a', 'a', { uid: 4, mtime: 6 }),
    file('etc/gone', 'x'),
    dir('cleared', { mtime: 7 }),
    file('cleared/old', 'x'),
    dir('swapped', { mtime: 8 }),
    file('swapped/old', 'x'),
    file('file-then-dir', 'x'),
    file('one/name', 'linked', { mode: 0o600, mtime: 9 }),
    hardlink('two/name', 'one/name'),
    symlink('lib', 'usr/lib', { mtime: 10 }),
    file('usr/lib/libc.so', 'c'),
    charDevice('null', 1, 3, { mtime: 10 }),
    dir('twice', { mtime: 11 }),
    file('twice/x', 'x'),
  ),
  tarOf(
    whiteout('etc/gone'),
    file('etc/b', 'b', { mtime: 20 }),
    opaque('cleared'),
    file('cleared/new', 'y', { mtime: 21 }),
    whiteout('swapped'),
    file('swapped/new', 'y', { mtime: 22 }),
    dir('file-then-dir', { mtime: 23 }),
    file('file-then-dir/x', 'x', { mtime: 24 }),
    hardlink('three', 'two/name'),
    file('lib/libm.so', 'm', { mtime: 25 }),
    file('twice', 'now a file', { mtime: 26 }),
  ),
  tarOf(
    dir('twice', { mtime: 30 }),
    file('twice/y', 'y', { mtime: 31 }),
    whiteout('cleared'),
    dir('etc', { mode: 0o700, mtime: 32 }),
    hardlink('four', 'etc/a'),
    whiteout('one/name'),
  ),
];

/**
 * Makes a folder with the names for the overlay forms of all layers, as mount options can hold them; returns the names.
 */
function places(here: string): readonly string[] {
  return LAYERS.map((_, index) => join(here, `l${index}`));
}

/** Copies the merged view of layers, as overlayfs shows it, with cp(1), in a mount namespace that ends with it. */
function merged(here: string, layers: readonly string[], options: string): string | undefined {
  const copy = join(here, 'merged');
  mkdirSync(join(here, 'mnt'), { recursive: true });
  const lower = layers.toReversed().join(':');
  const script = 'mount -t overlay overlay -o "$1" "$2" && cp -a "$2" "$3"';
  const run = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', `lowerdir=${lower}${options}`, join(here, 'mnt'), copy],
    {
      encoding: 'utf8',
    },
  );
  if (run.status === 0) return copy;
  console.log(`skipped: needs overlayfs: ${run.stderr.trim()}`);
  return undefined;
}

for (const overlay of ['trusted', 'user'] as const) {
  test(`overlayfs shows the layers as the flat tree (${overlay}.overlay xattrs)`, async () => {
    if (!haveRoot() || !haveTools('unshare', 'cp')) return;
    const here = tempDir();
    const form: Required<Form> = { ownership: 'set', overlay };
    const paths = places(here);
    await unpackLayers(
      layerInputs(...LAYERS),
      paths.map((path) => ({ path, present: false })),
      { form },
    );
    await buildRootfs(layerInputs(...LAYERS), join(here, 'flat'));
    const copy = merged(here, paths, overlay === 'user' ? ',userxattr' : '');
    if (copy === undefined) return;
    const expected = snapshot(join(here, 'flat'));
    assert.ok(expected.size > 20);
    assert.equal(differences(snapshot(copy), expected), []);
  });
}

test('existing layers are not made again, and files are copied from them', async () => {
  if (!haveRoot()) return;
  const here = tempDir();
  const form: Required<Form> = { ownership: 'set', overlay: 'trusted' };
  const [base = '', middle = '', top = ''] = places(here);
  const inputs = layerInputs(...LAYERS);
  const all = [base, middle, top].map((path) => ({ path, present: false }));
  await unpackLayers(inputs.slice(0, 1), all.slice(0, 1), { form });
  const inode = lstatSync(base).ino;
  await unpackLayers(inputs, [{ path: base, present: true }, ...all.slice(1)], { form });
  assert.is(lstatSync(base).ino, inode);
  assert.is(execFileSync('cat', [join(top, 'four')], { encoding: 'utf8' }), 'a');
  assert.is(statSync(join(middle, 'three')).nlink, 3);
  assert.equal(readdirSync(here).sort(), ['l0', 'l1', 'l2']);
});

test('nothing is read where the uppermost layers exist', async () => {
  const here = tempDir(0o777);
  const inputs = layerInputs(...LAYERS).map((layer) => ({
    ...layer,
    open: () => Promise.reject(new Error('it was read')),
  }));
  const present = places(here).map((path) => ({ path, present: true }));
  const report = await unpackLayers(inputs, present, { form: { ownership: 'set', overlay: 'trusted' } });
  assert.is(report.names, 0);
});

test('an ordinary user makes whiteouts and opaque marks too', async () => {
  const here = tempDir(0o777);
  const form: Required<Form> = { ownership: 'record', overlay: 'user' };
  const paths = places(here);
  await asIdentity('ordinary user', () =>
    unpackLayers(
      layerInputs(...LAYERS),
      paths.map((path) => ({ path, present: false })),
      { form },
    ),
  );
  const found = snapshot(paths[1] ?? '');
  assert.is(found.get('etc/gone')?.content, 'device 0');
  assert.equal(found.get('cleared')?.xattrs, ['user.overlay.opaque=79']);
});

test('a layer that fails leaves the complete layers below it, and nothing of its own', async () => {
  const here = tempDir(0o777);
  const [first] = layerInputs(...LAYERS);
  const [bad] = layerInputs(tarOf(hardlink('x', 'nothing')));
  assert.ok(first !== undefined && bad !== undefined);
  const form: Required<Form> = { ownership: 'record', overlay: 'user' };
  const [base = '', top = ''] = places(here);
  const directories = [base, top].map((path) => ({ path, present: false }));
  await asIdentity('ordinary user', () => unpackLayers([first, bad], directories, { form })).then(
    () => assert.unreachable('it should have failed'),
    () => {},
  );
  assert.ok(existsSync(join(base, 'etc', 'a')));
  assert.equal(readdirSync(here), ['l0']);
});

test.run();
