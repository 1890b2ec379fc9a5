import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceFile } from '../../../src/sys/file/replace-file.ts';
import { replaceFileSync } from '../../../src/sys/file/replace-file-sync.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/file/replace-file');

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
  const write = replaceFile(path, join(path, '..'), async (chunk) => void (await chunk(Buffer.from('text'))));
  await failureOf(write, 'FILESYSTEM');
  assert.equal(readdirSync(join(path, '..')), ['state']);
});

test('a file is not replaced after an error of its new content', async () => {
  const folder = tempDir();
  const path = join(folder, 'blob');
  writeFileSync(path, 'old');
  const stopped = replaceFile(path, folder, async (write) => {
    await write(Buffer.from('half'));
    throw new Error('the stream broke');
  });
  await stopped.then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), 'the stream broke'),
  );
  assert.is(readFileSync(path, 'utf8'), 'old');
  assert.equal(readdirSync(folder), ['blob']);
});

test.run();
