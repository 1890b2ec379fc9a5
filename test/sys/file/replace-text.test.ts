import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceFileSync } from '../../../src/sys/file/replace-file-sync.ts';
import { replaceText } from '../../../src/sys/file/replace-text.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/file/replace-text');

test('the file gets its mode whatever the umask, and nothing is left beside it', () => {
  const path = join(tempDir(), 'state');
  const umask = process.umask(0o077);
  try {
    replaceFileSync(path, 'old', { mode: 0o644 });
    replaceFileSync(path, Buffer.from('new'), { mode: 0o644 });
  } finally {
    process.umask(umask);
  }
  assert.is(readFileSync(path, 'utf8'), 'new');
  assert.is(statSync(path).mode & 0o777, 0o644);
  assert.equal(readdirSync(join(path, '..')), ['state']);
});

test('the leftover of a killed process beside the file is overwritten, and gets the mode', () => {
  const path = join(tempDir(), 'state');
  writeFileSync(`${path}.new`, 'much longer than what comes now');
  chmodSync(`${path}.new`, 0o666);
  replaceFileSync(path, 'short', { mode: 0o600 });
  assert.is(readFileSync(path, 'utf8'), 'short');
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test('a file that cannot be replaced stays, and nothing is left beside it', async () => {
  const path = join(tempDir(), 'state');
  mkdirSync(join(path, 'in the way'), { recursive: true });
  assert.throws(() => replaceFileSync(path, 'text', { mode: 0o600 }), /EISDIR|ENOTEMPTY/);
  assert.not(existsSync(`${path}.new`));
  await failureOf(replaceText(path, join(path, '..'), 'text'), 'FILESYSTEM');
  assert.equal(readdirSync(join(path, '..')), ['state']);
});

test('a text replaces a file, with its mode whatever the umask, and nothing is left beside it', async () => {
  const path = join(tempDir(), 'index');
  writeFileSync(path, 'much longer than what comes now');
  const umask = process.umask(0o077);
  try {
    await replaceText(path, join(path, '..'), 'näw');
  } finally {
    process.umask(umask);
  }
  assert.is(readFileSync(path, 'utf8'), 'näw');
  assert.is(statSync(path).mode & 0o777, 0o644);
  assert.equal(readdirSync(join(path, '..')), ['index']);
});

test('a text for which there is no room, or no folder, changes nothing', async () => {
  const folder = tempDir();
  const path = join(folder, 'index');
  writeFileSync(path, 'old');
  await failureOf(replaceText(path, join(folder, 'nowhere'), 'new'), 'FILESYSTEM');
  // Its files are on another file system, from which no file can be renamed
  await failureOf(replaceText(path, '/dev/shm', 'new'), 'FILESYSTEM');
  assert.is(readFileSync(path, 'utf8'), 'old');
  assert.equal(readdirSync(folder), ['index']);
  assert.equal(
    readdirSync('/dev/shm').filter((name) => name.startsWith('index.')),
    [],
  );
});

test.run();
