import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { makeCutDisk } from '../../support/host/cut-disk.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

// The power is cut: what tsimg has called done is there after the next start, and whatever it was at, the store is
// clean.

const test = suite('cli/store/power-cut');
/** How many loads are cut short; more by hand: TSIMG_CUTS=50. */
const CUTS = Number(process.env.TSIMG_CUTS ?? 2);
const NAME = 'example.com/app:1';
const made = makeImage({ layers: Array.from({ length: 40 }, () => randomBytes(20_000)) });
const other = makeImage({ layers: [randomBytes(5_000_000)], config: { author: 'other' } });

function canCut(): boolean {
  if (!haveRoot() || !haveTools('losetup')) return false;
  try {
    using disk = makeCutDisk();
    return existsSync(disk.folder);
  } catch (error) {
    console.log(`skipped: needs a loop device with an ext4 (${error instanceof Error ? error.message : error})`);
    return false;
  }
}

const layoutOf = (image: typeof made, name: string) =>
  writeLayout(join(tempDir(), 'layout'), [named(image.descriptor, name)], image.blobs);

const ok = (root: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = tsimg(args, { env: { TSIMG_ROOT: root } });
  assert.is(status, 0, `${args.join(' ')}: ${stderr} ${stdout}`);
  return stdout;
};
const isClean = (root: string) => void ok(root, 'store', 'check');
const namesOf = (root: string): readonly string[] =>
  ok(root, 'images', '--json')
    .split('\n')
    .flatMap((line) => /"name": "(.*)"/.exec(line)?.[1] ?? []);

if (canCut()) {
  test('the disk of these tests loses what was not synced', () => {
    using disk = makeCutDisk();
    writeFileSync(join(disk.folder, 'loose'), 'not synced');
    using after = disk.cut();
    const path = join(after.folder, 'loose');
    assert.not.ok(existsSync(path) && readFileSync(path, 'utf8') === 'not synced');
  });

  test('what load, tag, rmi and save have called done survives', () => {
    using disk = makeCutDisk();
    const root = join(disk.folder, 'store');
    ok(root, 'load', layoutOf(made, NAME));
    {
      using after = disk.cut();
      isClean(join(after.folder, 'store'));
      assert.equal(namesOf(join(after.folder, 'store')), [NAME]);
    }
    ok(root, 'load', layoutOf(other, 'example.com/other:1'));
    ok(root, 'tag', NAME, 'example.com/app:2');
    ok(root, 'rmi', NAME);
    ok(root, 'save', '-o', join(disk.folder, 'saved.tar'), 'example.com/app:2');
    ok(root, 'copy', 'example.com/app:2', `oci:${join(disk.folder, 'layout')}:2`);
    using after = disk.cut();
    isClean(join(after.folder, 'store'));
    assert.equal([...namesOf(join(after.folder, 'store'))].sort(), ['example.com/app:2', 'example.com/other:1']);
    const fresh = join(tempDir(), 'fresh');
    ok(fresh, 'load', join(after.folder, 'saved.tar'));
    ok(fresh, 'load', `oci:${join(after.folder, 'layout')}:2`);
    isClean(fresh);
  });

  test('a load that is cut short at any moment leaves a clean store, and the next one ends right', async () => {
    const layout = layoutOf(made, NAME);
    const began = performance.now();
    ok(join(tempDir(), 'store'), 'load', layout);
    const length = performance.now() - began;
    for (let turn = 0; turn < CUTS; turn++) {
      using disk = makeCutDisk();
      const child = spawn(process.execPath, ['--', MAIN, 'load', layout], {
        env: { PATH: process.env.PATH, TSIMG_ROOT: join(disk.folder, 'store') },
        stdio: 'ignore',
      });
      const end = once(child, 'exit');
      await sleep(((turn + 0.5) / CUTS) * length);
      // Stopped, so that nothing is written while the disk is copied
      child.kill('SIGSTOP');
      await sleep(50);
      using after = disk.cut();
      child.kill('SIGKILL');
      await end;
      const root = join(after.folder, 'store');
      isClean(root);
      ok(root, 'load', layout);
      isClean(root);
      assert.equal(namesOf(root), [NAME], `cut ${turn}`);
    }
  });
}

test.run();
