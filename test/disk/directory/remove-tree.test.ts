import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { removeTree } from '../../../src/disk/directory/remove-tree.ts';
import { asIdentity, IDENTITIES } from '../../support/host/as-user.ts';
import { inMountNamespace } from '../../support/host/in-mount-namespace.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('disk/directory/remove-tree');

function remove(folder: string, name: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    removeTree(descriptor, name);
  } finally {
    closeSync(descriptor);
  }
}

for (const identity of IDENTITIES) {
  test(`as ${identity}: directories of every mode are removed; links are removed and not followed`, async () => {
    const here = tempDir(0o777);
    await asIdentity(identity, () => {
      mkdirSync(join(here, 'kept'));
      writeFileSync(join(here, 'kept/canary'), 'alive');
      mkdirSync(join(here, 'tree/a/b'), { recursive: true });
      writeFileSync(join(here, 'tree/a/b/f'), '');
      symlinkSync(join(here, 'kept'), join(here, 'tree/a/link'));
      mkdirSync(join(here, 'tree/closed'), { mode: 0 });
      mkdirSync(join(here, 'tree/unwritable/x'), { recursive: true });
    });
    chmodSync(join(here, 'tree/unwritable'), 0o555);
    chmodSync(join(here, 'tree/a'), 0o100);
    await asIdentity(identity, () => remove(here, 'tree'));
    assert.equal(readdirSync(here), ['kept']);
    assert.is(readFileSync(join(here, 'kept/canary'), 'utf8'), 'alive');
  });
}

test('a symlink in place of the tree is removed, its target stays', () => {
  const here = tempDir();
  mkdirSync(join(here, 'kept/inner'), { recursive: true });
  symlinkSync('kept', join(here, 'tree'));
  remove(here, 'tree');
  assert.ok(existsSync(join(here, 'kept/inner')));
});

test('a name that does not exist is no error', () => {
  remove(tempDir(), 'nothing');
});

test('a mount inside is not entered', () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const here = tempDir();
  mkdirSync(join(here, 'tree/mnt'), { recursive: true });
  mkdirSync(join(here, 'other'));
  writeFileSync(join(here, 'other/canary'), 'alive');
  const module = `
    import { openSync } from 'node:fs';
    import { removeTree } from '${new URL('../../../src/disk/directory/remove-tree.js', import.meta.url)}';
    try { removeTree(openSync(process.argv[1], 'r'), 'tree'); } catch (e) { console.log(e.code, e.facts.errno); }`;
  assert.is(inMountNamespace('mount --bind "$1/other" "$1/tree/mnt"', module, here), 'FILESYSTEM EXDEV');
  assert.is(readFileSync(join(here, 'other/canary'), 'utf8'), 'alive');
});

test.run();
