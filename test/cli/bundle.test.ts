import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBusyboxRootfs } from '../support/busybox-rootfs.ts';
import { publish } from '../support/publish.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';
import { BUILT, PUBLISHED, ROOT } from '../support/tsimg.ts';

// What is published is joined by scripts/bundle.mjs: it must do what the modules do that it was made of.

const test = suite('cli/bundle');
const STORE = join(tempDir(), 'store');

function outcome(main: string, args: readonly string[]) {
  const env = { PATH: process.env.PATH, TSIMG_ROOT: STORE };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

if (!existsSync(PUBLISHED)) publish();

test('the joined program answers as the one that it was made of, errors too', () => {
  for (const args of [
    ['--version'],
    ['--help'],
    ['run', '--help'],
    ['rnu'],
    ['images', '--json'],
    ['inspect', 'absent'],
    ['run', '--network', 'none', '--json', '/nowhere', 'true'],
    ['run', '--pull', 'never', 'absent'],
    ['unpack', '/nowhere.tar', '/nowhere'],
    ['ls', join(ROOT, 'fixtures', 'images', 'busybox-amd64.tar.gz')],
  ]) {
    assert.equal(outcome(PUBLISHED, args), outcome(BUILT, args), args.join(' '));
  }
});

test('every module that can be imported still has its exports', async () => {
  const names = (path: string) => import(path).then((module) => Object.keys(module));
  const source = dirname(PUBLISHED);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const stubs = files.filter((file) => file.endsWith('.js') && readFileSync(join(source, file), 'utf8').length < 4000);
  const joined = stubs.filter((file) => readFileSync(join(source, file), 'utf8').includes('/modules.js'));
  assert.ok(joined.length > 200);
  for (const file of joined) {
    const original = await names(join(dirname(BUILT), file));
    assert.equal(await names(join(source, file)), original, file);
  }
});

const run = haveTools('busybox') && haveRoot() ? test : test.skip;
run('the joined stage starts a container', () => {
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const { status, stdout, stderr } = outcome(PUBLISHED, [
    'run',
    '--network',
    'none',
    rootfs,
    '/bin/sh',
    '-c',
    'echo $$; exit 3',
  ]);
  assert.equal([status, stdout], [3, '1\n'], stderr);
  assert.is(outcome(PUBLISHED, ['run', '--network', 'none', rootfs, 'no-such']).status, 127);
});

test.run();
