import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blobPath } from '../../../../src/store/layout-names.ts';
import { tsimg } from '../../../support/command/tsimg.ts';
import { makeImage } from '../../../support/image/image.ts';
import { named, writeLayout } from '../../../support/image/layout.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const test = suite('cli/verb/image/store-options');
const made = makeImage();
const NAME = 'example.com/app:1';

function loaded(): string {
  const root = join(tempDir(), 'store');
  const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, NAME)], made.blobs);
  assert.is(tsimg(['load', '--quiet', layout], { env: { TSIMG_ROOT: root } }).status, 0);
  return root;
}

test('pull refuses options that contradict each other', () => {
  for (const options of [
    ['--all-platforms', '--platform', 'linux/amd64'],
    ['--dry-run', '--verify-store'],
  ]) {
    const { status, stderr } = tsimg(['pull', ...options, 'alpine']);
    assert.is(status, 2);
    assert.match(stderr, 'does not go with');
  }
});

test('a second platform is refused, not taken in the place of the first', () => {
  const { status, stderr } = tsimg(['pull', '--platform', 'linux/amd64', '--platform', 'linux/arm64', 'alpine']);
  assert.is(status, 2);
  assert.match(stderr, 'It is given twice; call the command once for each platform');
});

test('store check ends with 0 for a clean store, and with 5 and its findings for a damaged one', () => {
  const root = loaded();
  const env = { TSIMG_ROOT: root };
  const clean = tsimg(['store', 'check'], { env });
  assert.is(clean.status, 0, clean.stderr);
  assert.match(clean.stdout, /^1 image, 3 blobs, \S+ read: clean\n$/);
  rmSync(blobPath(root, made.config.digest));
  const damaged = tsimg(['store', 'check', '--json'], { env });
  assert.is(damaged.status, 5);
  const { isClean, findings } = JSON.parse(damaged.stdout);
  assert.is(isClean, false);
  assert.equal(
    findings.map(({ kind, where, images }: Record<string, unknown>) => [kind, where, images]),
    [['blob-missing', made.config.digest, [NAME]]],
  );
  assert.is(JSON.parse(damaged.stderr).error.code, 'STORE_DAMAGED');
  const quiet = tsimg(['store', 'check', '--quiet'], { env });
  assert.match(quiet.stdout, /^blob-missing: .*\n$/);
});

test('prune --json says what was dropped, where that was asked for', () => {
  const env = { TSIMG_ROOT: loaded() };
  const { status, stdout } = tsimg(['prune', '-f', '--drop-blobs', '--json'], { env });
  assert.is(status, 0);
  assert.equal(JSON.parse(stdout).dropped, { blobs: 0, bytes: 0, inUse: false });
  assert.is(JSON.parse(tsimg(['prune', '-f', '--json'], { env }).stdout).dropped, undefined);
});

test.run();
