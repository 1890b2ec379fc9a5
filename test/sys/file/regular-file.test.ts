import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegularFile, openRegularFileBelow, readRegularFile } from '../../../src/sys/file/regular-file.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/file/regular-file');

test('a file is opened with its size', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'f'), 'abc');
  const file = await openRegularFile(join(dir, 'f'));
  assert.is(file?.stats.size, 3);
  await file?.handle.close();
});

test('a missing file is undefined, also below a file', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'f'), '');
  assert.is(await openRegularFile(join(dir, 'x')), undefined);
  assert.is(await openRegularFile(join(dir, 'f', 'x')), undefined);
});

test('links, pipes and directories are refused at once', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'f'), '');
  symlinkSync('f', join(dir, 'link'));
  mkdirSync(join(dir, 'directory'));
  assert.is(spawnSync('mkfifo', [join(dir, 'pipe')]).status, 0);
  for (const name of ['link', 'directory', 'pipe']) await failureOf(openRegularFile(join(dir, name)), 'FILESYSTEM');
});

test('a small file is read at once, and of a longer one a byte more than is wanted', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'f'), 'abcdef');
  writeFileSync(join(dir, 'empty'), '');
  assert.is(String(readRegularFile(join(dir, 'f'), 6)), 'abcdef');
  assert.is(String(readRegularFile(join(dir, 'f'), 1000)), 'abcdef');
  assert.is(String(readRegularFile(join(dir, 'f'), 3)), 'abcd');
  assert.is(String(readRegularFile(join(dir, 'f'), 0)), 'a');
  assert.is(readRegularFile(join(dir, 'empty'), 3)?.length, 0);
  assert.is(readRegularFile(join(dir, 'x'), 3), undefined);
  // Such a file has more bytes than its size says: none
  assert.is(String(readRegularFile('/proc/self/comm', 1000)).trim(), readFileSync('/proc/self/comm', 'utf8').trim());
  assert.ok((readRegularFile('/proc/self/maps', 1_000_000)?.length ?? 0) > 1000);
  symlinkSync('f', join(dir, 'link'));
  assert.is(spawnSync('mkfifo', [join(dir, 'pipe')]).status, 0);
  for (const name of ['link', 'pipe', '.']) {
    await failureOf(
      Promise.resolve().then(() => readRegularFile(join(dir, name), 3)),
      'FILESYSTEM',
    );
  }
});

test('a link below a directory is followed inside of it, and refused where it leads out', async () => {
  const outer = tempDir();
  const folder = join(outer, 'layout');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  mkdirSync(join(outer, 'layout-sibling'));
  for (const name of ['secret', 'layout/f', 'layout-sibling/f']) writeFileSync(join(outer, name), 'abc');
  const links = [
    ['deep/up', '../f', 'followed'],
    ['absolute', join(folder, 'f'), 'followed'],
    ['chain', 'deep/up', 'followed'],
    ['out', '../secret', 'refused'],
    ['sibling', '../layout-sibling/f', 'refused'],
    ['host', '/etc/passwd', 'refused'],
    ['nothing', 'nowhere', 'refused'],
    ['circle', 'circle', 'refused'],
    ['folder', 'deep', 'refused'],
    ['magic', '/proc/self/exe', 'refused'],
  ] as const;
  for (const [name, target, outcome] of links) {
    symlinkSync(target, join(folder, name));
    if (outcome === 'refused') {
      await failureOf(openRegularFileBelow(folder, name), 'FILESYSTEM');
      continue;
    }
    const file = await openRegularFileBelow(folder, name);
    assert.is(file?.stats.size, 3, name);
    await file?.handle.close();
  }
  assert.is(await openRegularFileBelow(folder, 'absent'), undefined);
  // A link may name the directory itself
  symlinkSync('layout', join(outer, 'named'));
  const file = await openRegularFileBelow(join(outer, 'named'), 'chain');
  assert.is(file?.stats.size, 3);
  await file?.handle.close();
});

test.run();
