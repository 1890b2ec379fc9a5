import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';
import { readPage } from './support/page.ts';

// The README's `sh clone` blocks, run in a copy of the checkout. The network is not used: `npm ci` is held to have
// happened (the test could not run otherwise), and `npm test` runs one small test file. All else is npm's own.

const test = suite('docs/clone');

const NPM = `#!/bin/sh
case "$*" in
ci) exec test -d node_modules ;;
test) exec "$REAL_NPM" test -- --no-install oci/platform ;;
esac
exec "$REAL_NPM" "$@"
`;

/** What of the checkout is not the clone's own, and the tests that are not run: half of all that would be compiled. */
const LEFT_OUT = /\/(node_modules|dist|\.build|\.git|\.nodes|fuzz-findings)$|(?<!\/oci\/platform)\.test\.ts$/;

if (process.arch !== 'x64') console.log('skipped: needs an x86-64 machine, for the example image');
const inClone = process.arch === 'x64' ? test : test.skip;

inClone("the README's commands for a clone build it, run the example, test it and install the command", () => {
  const folder = tempDir(0o755);
  const clone = join(folder, 'clone');
  const programs = join(folder, 'programs');
  const prefix = join(folder, 'prefix');
  cpSync(ROOT, clone, { recursive: true, filter: (path) => path === ROOT || !LEFT_OUT.test(path) });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  for (const path of [programs, prefix]) mkdirSync(path);
  writeFileSync(join(programs, 'npm'), NPM, { mode: 0o755 });
  const script = readPage('README.md')
    .blocks.filter(({ words }) => words.join(' ') === 'sh clone')
    .map(({ text }) => text);
  assert.ok(script.length > 0);
  const env = {
    PATH: `${programs}:${join(prefix, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    TSIMG_ROOT: join(folder, 'store'),
    REAL_NPM: findTool('npm') ?? '',
    npm_config_prefix: prefix,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
  for (const command of script
    .join('')
    .split('\n')
    .filter((line) => line !== '')) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: clone,
      env,
      encoding: 'utf8',
      timeout: 300_000,
    });
    assert.is(status, 0, `${command}: ${stdout}${stderr}`);
    if (command.endsWith('npm start')) assert.match(stdout, /^PRETTY_NAME="tsimg example image/m);
    if (command.endsWith('npm test')) assert.match(stdout, /^\d+ passed, 0 failed, 0 skipped$/m);
    if (command.startsWith('tsimg doctor')) assert.match(stdout, /^ok +kernel/m);
  }
});

test.run();
