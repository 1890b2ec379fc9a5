import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBusyboxRootfs } from '../support/busybox-rootfs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';
import { MAIN } from '../support/tsimg.ts';

// What is published is joined by scripts/bundle.mjs: it must do what the modules do that it was made of.

const test = suite('cli/bundle');
const CHECKOUT = dirname(dirname(dirname(import.meta.dirname)));
const STORE = join(tempDir(), 'store');

function joined(): string {
  const folder = tempDir(0o755);
  cpSync(join(CHECKOUT, 'dist', 'src'), join(folder, 'dist', 'src'), { recursive: true });
  cpSync(join(CHECKOUT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
  const source = join(folder, 'dist', 'src');
  const { status, stderr } = spawnSync(process.execPath, [join(CHECKOUT, 'scripts', 'bundle.mjs'), source], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  return join(source, 'tsimg.cjs');
}

function outcome(main: string, args: readonly string[]) {
  const env = { PATH: process.env.PATH, TSIMG_ROOT: STORE };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

const main = joined();

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
    ['ls', join(CHECKOUT, 'fixtures', 'images', 'busybox-amd64.tar.gz')],
  ]) {
    assert.equal(outcome(main, args), outcome(MAIN, args), args.join(' '));
  }
});

test('every module that can be imported still has its exports', async () => {
  const names = (path: string) => import(path).then((module) => Object.keys(module));
  const source = dirname(main);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const stubs = files.filter((file) => file.endsWith('.js') && readFileSync(join(source, file), 'utf8').length < 4000);
  const fromHot = stubs.filter((file) => readFileSync(join(source, file), 'utf8').includes('/hot.js'));
  assert.ok(fromHot.length > 50);
  for (const file of fromHot) {
    const original = await names(join(dirname(MAIN), file));
    assert.equal(await names(join(source, file)), original, file);
  }
  assert.ok(existsSync(join(source, 'hot.js')));
});

const run = haveTools('busybox', 'unshare', 'setpriv') && haveRoot() ? test : test.skip;
run('the joined stage starts a container', () => {
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const { status, stdout, stderr } = outcome(main, [
    'run',
    '--network',
    'none',
    rootfs,
    '/bin/sh',
    '-c',
    'echo $$; exit 3',
  ]);
  assert.equal([status, stdout], [3, '1\n'], stderr);
  assert.is(outcome(main, ['run', '--network', 'none', rootfs, 'no-such']).status, 127);
});

test.run();
