import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegularFile } from '../../src/sys/regular-file.ts';
import { failureOf } from '../support/failure-of.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('sys/regular-file');

test('a file is opened with its size', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'f'), 'abc');
  const file = await openRegularFile(join(dir, 'f'));
  assert.is(file?.stats.size, 3);
  await file?.handle.close();
});

test('what is not there is undefined, also below a file', async () => {
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

test.run();
