import { open } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeTemporaryDirectory, openTemporaryFile, writeTemporary } from '../../../src/sys/file/temporary.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/file/temporary');
const HINT = 'make room there, or name another directory by $TMPDIR';

async function withTmpdir(folder: string, action: () => Promise<unknown>): Promise<void> {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  try {
    await action();
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
}

test('a full disk is told with the directory of temporary files, and how another one is chosen', async () => {
  const folder = tempDir();
  await withTmpdir(folder, async () => {
    await using full = await open('/dev/full', 'w');
    const error = await failureOf(writeTemporary(full, Buffer.from('x')), 'FILESYSTEM');
    assert.is(error.message, `cannot write a temporary file (${folder}): no space is left`);
    assert.is(error.hint, HINT);
    assert.is(error.facts?.errno, 'ENOSPC');
  });
});

test('a directory of temporary files that does not exist is told with $TMPDIR', async () => {
  const folder = `${tempDir()}/nothing`;
  await withTmpdir(folder, async () => {
    for (const make of [makeTemporaryDirectory, openTemporaryFile]) {
      const error = await failureOf(make(), 'FILESYSTEM');
      assert.is(error.message, `cannot make a temporary directory (${folder}): there is no such file or directory`);
      assert.is(error.hint, HINT);
    }
  });
});

test('a temporary file has what is written to it', async () => {
  await using file = await openTemporaryFile();
  await writeTemporary(file, Buffer.from('one'));
  await writeTemporary(file, Buffer.from('two'));
  assert.is((await file.read(Buffer.alloc(6), 0, 6, 0)).buffer.toString(), 'onetwo');
});

test.run();
