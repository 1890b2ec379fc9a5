import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectDestination } from '../../../src/disk/publish/destination.ts';
import { TsimgError } from '../../../src/errors.ts';
import { asIdentity } from '../../support/host/as-user.ts';
import { inMountNamespace } from '../../support/host/in-mount-namespace.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('disk/publish/destination');

const SRC = new URL('../../../src/', import.meta.url);

test('a free name or an empty directory is taken by a rename', () => {
  const here = tempDir();
  mkdirSync(join(here, 'empty'));
  for (const name of ['free', 'empty']) {
    const { path, by, replaces } = inspectDestination(join(here, name));
    assert.equal([basename(path), by, replaces], [name, 'rename', false]);
  }
});

test('symlinks on the way and as the last component are followed once, when the destination is looked at', () => {
  const here = tempDir();
  mkdirSync(join(here, 'real/empty'), { recursive: true });
  symlinkSync('real', join(here, 'link'));
  symlinkSync('real/empty', join(here, 'last'));
  assert.is(inspectDestination(join(here, 'link/free')).path, join(here, 'real/free'));
  assert.is(inspectDestination(join(here, 'last')).path, join(here, 'real/empty'));
});

test('a directory whose parent is not writable is filled', async () => {
  if (!haveRoot()) return;
  const here = tempDir(0o777);
  await asIdentity('ordinary user', () => mkdirSync(join(here, 'mine')));
  chmodSync(here, 0o755);
  assert.is((await asIdentity('ordinary user', () => inspectDestination(join(here, 'mine')))).by, 'fill');
});

test('a mount point, of another file system or bound from the same, is filled and stays', () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const here = tempDir();
  const build = `
    import { buildRootfs } from '${new URL('disk/build-rootfs.js', SRC)}';
    import { inspectDestination } from '${new URL('disk/publish/destination.js', SRC)}';
    import { Readable } from 'node:stream';
    import { readdirSync } from 'node:fs';
    const to = process.argv[1] + '/to';
    const layer = { label: 'x', diffId: undefined, size: 0, open: async () => Readable.from([Buffer.alloc(1024)]) };
    const how = inspectDestination(to).by;
    await buildRootfs([layer], to);
    console.log(how, readdirSync(to).length, readdirSync(process.argv[1]));`;
  mkdirSync(join(here, 'to'));
  mkdirSync(join(here, 'other'));
  const expected = "fill 0 [ 'other', 'to' ]";
  assert.is(inMountNamespace('mount -t tmpfs none "$1/to"', build, here), expected);
  assert.is(inMountNamespace('mount --bind "$1/other" "$1/to"', build, here), expected);
});

test('a directory with a mount inside is not replaced', () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const here = tempDir();
  mkdirSync(join(here, 'to/mnt'), { recursive: true });
  const inspect = `
    import { inspectDestination } from '${new URL('disk/publish/destination.js', SRC)}';
    try { inspectDestination(process.argv[1] + '/to', true); console.log('taken'); }
    catch (e) { console.log(e.code); }`;
  assert.is(inMountNamespace('mount -t tmpfs none "$1/to/mnt"', inspect, here), 'DESTINATION_INVALID');
  assert.is(inMountNamespace('true', inspect, here), 'taken');
});

test('an empty name is no destination, whatever the working directory is', () => {
  for (const force of [false, true]) {
    assert.throws(
      () => inspectDestination('', force),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
    );
  }
});

test('force does not replace the root, the working directory, the home directory, or a directory above them', () => {
  const here = tempDir();
  const { HOME } = process.env;
  const old = process.cwd();
  mkdirSync(join(here, 'work/inner/deep'), { recursive: true });
  mkdirSync(join(here, 'people/me'), { recursive: true });
  mkdirSync(join(here, 'other'));
  symlinkSync('work', join(here, 'link'));
  writeFileSync(join(here, 'work/inner/deep/mine'), '');
  writeFileSync(join(here, 'people/me/mine'), '');
  writeFileSync(join(here, 'other/mine'), '');
  process.chdir(join(here, 'work/inner'));
  process.env.HOME = join(here, 'people/me');
  try {
    for (const name of ['/', '.', '..', '../../link', join(here, 'people'), join(here, 'people/me')]) {
      assert.throws(
        () => inspectDestination(name, true),
        (error: unknown) => error instanceof TsimgError && error.code === 'DESTINATION_INVALID',
        name,
      );
    }
    assert.ok(inspectDestination('deep', true).replaces);
    assert.ok(inspectDestination('../../other', true).replaces);
  } finally {
    process.chdir(old);
    if (HOME === undefined) delete process.env.HOME;
    else process.env.HOME = HOME;
  }
});

test('a file is refused, also with force', () => {
  const here = tempDir();
  writeFileSync(join(here, 'file'), '');
  assert.throws(
    () => inspectDestination(join(here, 'file'), true),
    (error: unknown) => error instanceof TsimgError && error.code === 'DESTINATION_INVALID',
  );
  assert.equal(readdirSync(here), ['file']);
});

test.run();
