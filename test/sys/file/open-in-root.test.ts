import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { undisturbed } from '../../../src/sys/file/open-how.ts';
import { openInRoot } from '../../../src/sys/file/open-in-root.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('sys/file/open-in-root');
const failure = (errno: string) => new TsimgError('SYSTEM_CALL', 'cannot open it', { facts: { errno } });

test('an open that a rename has disturbed is tried again, any other failure is not', () => {
  let calls = 0;
  const failing = (errno: string, times: number) => () => {
    calls += 1;
    if (calls <= times) throw failure(errno);
    return calls;
  };
  assert.is(undisturbed(failing('EAGAIN', 3)), 4);
  calls = 0;
  assert.throws(() => undisturbed(failing('ELOOP', 3)), /cannot open it/);
  assert.is(calls, 1);
  calls = 0;
  assert.throws(() => undisturbed(failing('EAGAIN', Number.POSITIVE_INFINITY)), /cannot open it/);
  assert.ok(calls > 100 && calls < 100_000, String(calls));
});

if (haveTools('python3')) {
  test('paths with .. are opened while files of others are renamed all the time', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'file'), '');
    symlinkSync('../../a/../file', join(root, 'a/b/link'));
    const elsewhere = tempDir();
    writeFileSync(join(elsewhere, 'x'), '');
    const renames = 'import os, sys; print(1, flush=True)\nwhile True: os.rename("x", "y"); os.rename("y", "x")';
    const other = spawn('python3', ['-c', renames], { cwd: elsewhere, stdio: ['ignore', 'pipe', 'ignore'] });
    const stop = () => void other.kill('SIGKILL');
    process.prependListener('exit', stop);
    await once(other.stdout, 'data');
    const fd = openSync(root, constants.O_DIRECTORY);
    try {
      for (let turn = 0; turn < 20_000; turn += 1) {
        closeSync(openInRoot(fd, 'a/b/link', { flags: constants.O_RDONLY, links: 'inside' }));
      }
    } finally {
      closeSync(fd);
      const ended = once(other, 'exit');
      stop();
      await ended;
      process.off('exit', stop);
    }
  });
}

test.run();
