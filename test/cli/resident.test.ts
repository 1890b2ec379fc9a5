import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { residentCall } from '../support/command/resident-command.ts';
import { stateRootOf } from '../support/command/state-root.ts';
import { tsimg, tsimgAlone } from '../support/command/tsimg.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { tempDir } from '../support/temp-dir.ts';

// Most calls of tests are made in a process that stays (test/support/command/resident-command.ts). These are made both ways.

const asRoot = suite('cli/resident as root');
const asUser = suite('cli/resident as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const options = { env: { TSIMG_ROOT: stateRootOf(user) }, ...(user && { user }) };
  const container = ['run', '--rm', '--network', 'none', rootfs, '/bin/sh', '-c'];
  const calls = [
    [...container, 'echo out; echo err >&2; exit 3'],
    [...container, 'head -c 300000 /dev/zero | tr "\\0" x; kill -9 $$'],
    ['images', '--json'],
    ['inspect', 'none'],
    ['ps', '--no-such-option'],
    ['logs', '--json', 'none'],
  ];

  test('a call in a process that stays prints what one in a process of its own does, and ends with its status', () => {
    const alone = calls.map((args) => tsimgAlone(args, options));
    // Twice: the first calls are processes of their own
    for (const round of [1, 2]) {
      for (const [index, args] of calls.entries()) {
        const { status, stdout, stderr } = tsimg(args, options);
        const expected = alone[index];
        assert.equal(
          [status, stdout, stderr],
          [expected?.status, expected?.stdout, expected?.stderr],
          `${round} ${args}`,
        );
      }
    }
  });
});

const test = suite('cli/resident');

test('a process that stays is taken after two calls in the same surroundings, for calls without an input', () => {
  const surroundings = { cwd: undefined, env: { PATH: process.env.PATH, TSIMG_ROOT: tempDir() }, user: undefined };
  const isResident = (...args: readonly string[]) => residentCall(args, surroundings) !== undefined;
  const before = [isResident('ps'), isResident('images')];
  assert.equal(before, [false, false]);
  assert.equal([isResident('ps'), isResident('images'), isResident('volume', 'ls')], [true, true, true]);
  assert.equal(
    [isResident('cp', '-', 'x:/'), isResident('run', '-it', 'x'), isResident('load')],
    [false, false, false],
  );
  assert.ok(isResident('cp', 'x:/', '-'));
  assert.is(residentCall(['ps'], { ...surroundings, cwd: '/' }), undefined);
});

test('where the process ends, the call fails with what it wrote, and the next one has another process', () => {
  const folder = mkdtempSync(join(tempDir(), 'root-'));
  const env = { PATH: process.env.PATH, TSIMG_ROOT: folder, NODE_OPTIONS: `--require=${join(folder, 'end.cjs')}` };
  writeFileSync(join(folder, 'end.cjs'), "console.error('it goes'); process.exit(7);\n");
  const call = () => residentCall(['ps'], { cwd: undefined, env, user: undefined });
  assert.equal([call(), call()], [undefined, undefined]);
  assert.throws(call, /it goes/);
  rmSync(join(folder, 'end.cjs'));
  writeFileSync(join(folder, 'end.cjs'), '');
  assert.is(call()?.status, 0);
});

asRoot.run();
asUser.run();
test.run();
