import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadImage } from '../../src/image/load.ts';
import { directoryFiles } from '../../src/sources/files/directory-files.ts';
import { openLayoutSource } from '../../src/sources/form/layout-source.ts';
import { unpackImage } from '../../src/verbs/rootfs/unpack.ts';
import { ociLayoutOf } from '../support/image/oci-layout-of.ts';
import { charDevice, dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from '../support/image/tar.ts';
import { differences, snapshot } from '../support/image/tree-snapshot.ts';
import { sharedImage } from '../support/shared-images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// Compares with umoci's tree: paths, kinds, modes, owners, sizes, contents, link targets, hard links, times, xattrs.
const test = suite('verbs/unpack-compared');

const IMAGES: readonly string[] = [
  'alpine-3.9.4-docker-save.tar.gz',
  'busybox-1.38-glibc-amd64-layout',
  'dive-docker-save.tar',
  'dive-kaniko.tar',
  'docker25-hello-world.tar',
];

async function unpackLayout(layout: string, to: string): Promise<void> {
  const source = await openLayoutSource(directoryFiles(layout), { bareTags: true });
  try {
    await unpackImage(await loadImage(source, { name: 'x' }), to);
  } finally {
    await source.close();
  }
}

function unpackByUmoci(layout: string, bundle: string): string {
  execFileSync('umoci', ['unpack', '--image', `${layout}:x`, bundle], { stdio: 'pipe' });
  return join(bundle, 'rootfs');
}

/** Makes an OCI layout with these archives as layers, base first, by umoci. */
function layoutOf(layers: readonly Buffer[], here: string): string {
  const layout = join(here, 'layout');
  const umoci = (...args: readonly string[]) => execFileSync('umoci', args, { stdio: 'pipe' });
  umoci('init', '--layout', layout);
  umoci('new', '--image', `${layout}:x`);
  for (const [index, layer] of layers.entries()) {
    const archive = join(here, `${index}.tar`);
    writeFileSync(archive, layer);
    umoci('raw', 'add-layer', '--image', `${layout}:x`, archive);
  }
  return layout;
}

for (const name of IMAGES) {
  test(`${name} becomes the tree that umoci makes`, async () => {
    const image = sharedImage(name);
    if (image === undefined || !haveRoot() || !haveTools('skopeo', 'umoci')) return;
    const here = tempDir();
    const layout = ociLayoutOf(image, name, here);
    await unpackLayout(layout, join(here, 'tsimg'));
    const expected = snapshot(unpackByUmoci(layout, join(here, 'bundle')));
    assert.ok(expected.size > 1);
    assert.equal(differences(snapshot(join(here, 'tsimg')), expected), []);
  });
}

test('layers with every quirk that both can read become the tree that umoci makes', async () => {
  if (!haveRoot() || !haveTools('umoci')) return;
  const here = tempDir();
  const base = tarOf(
    dir('.', { mode: 0o751, uid: 3, mtime: 9 }),
    dir('./etc', { mtime: 10 }),
    file('/etc/passwd', 'root', { mode: 0o4755, uid: 1, gid: 2, mtime: 1_700_000_000 }),
    hardlink('etc/passwd-', '/etc/passwd'),
    symlink('etc/link', '../../etc//passwd', { uid: 5, mtime: 11 }),
    hardlink('etc/link2', 'etc/link'),
    dir('data/closed', { mode: 0 }),
    file('data/closed/f', 'x', {
      mode: 0,
      xattrs: { 'user.a': 'b', 'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex') },
    }),
    symlink('lib', 'usr/lib', { mtime: 12 }),
    dir('usr/lib', { mtime: 13 }),
    file('lib/libc.so', 'code', { mtime: 14 }),
    charDevice('dev/null', 1, 3, { mode: 0o666, mtime: 15 }),
    fifo('run/pipe', { mode: 0o600, mtime: 16 }),
    dir('usr', { mtime: 17 }),
    dir('data', { mtime: 17 }),
    dir('dev', { mtime: 17 }),
    dir('run', { mtime: 17 }),
    dir('swap', { mtime: 17 }),
    file('swap/inner', ''),
    symlink('was-link', 'etc', { mtime: 18 }),
  );
  const top = tarOf(
    dir('etc', { mtime: 20 }),
    file('etc/passwd', 'new', { mtime: 21 }),
    whiteout('etc/link'),
    dir('data', { mode: 0o1777, mtime: 22 }),
    opaque('data'),
    file('data/fresh', 'y', { mtime: 23 }),
    file('lib/libm.so', 'math', { mtime: 24 }),
    dir('usr/lib', { mtime: 25 }),
    file('swap', 'now a file', { mtime: 26 }),
    dir('was-link', { mtime: 27 }),
    hardlink('null2', 'dev/null'),
    dir('.', { mode: 0o755, mtime: 28 }),
  );
  const layout = layoutOf([base, top], here);
  await unpackLayout(layout, join(here, 'tsimg'));
  const expected = snapshot(unpackByUmoci(layout, join(here, 'bundle')));
  assert.ok(expected.size > 15);
  assert.equal(differences(snapshot(join(here, 'tsimg')), expected), []);
});

test('a hard link that stands before its target is made, where umoci fails', async () => {
  if (!haveRoot() || !haveTools('umoci')) return;
  const here = tempDir();
  const layout = layoutOf([tarOf(hardlink('b', 'a'), file('a', 'x'))], here);
  const umoci = spawnSync('umoci', ['unpack', '--image', `${layout}:x`, join(here, 'bundle')]);
  assert.is.not(umoci.status, 0);
  await unpackLayout(layout, join(here, 'tsimg'));
  assert.is(snapshot(join(here, 'tsimg')).get('b')?.first, 'a');
});

test.run();
