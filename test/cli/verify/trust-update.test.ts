import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../../support/checkout.ts';
import { publish } from '../../support/command/publish.ts';
import { tempDir } from '../../support/temp-dir.ts';

// The published command where npm has installed what it depends on, and nothing of what is optional.

const test = suite('cli/verify/trust-update');

const PACKAGE = dirname(dirname(dirname(await publish())));
const {
  dependencies,
  peerDependencies,
}: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
const TUF = '@sigstore/tuf';

/** Installs a package of the checkout's node_modules. */
function install(modules: string, name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
}

/** A node_modules with the command and its dependencies. */
function installed(): string {
  const modules = join(tempDir(), 'node_modules');
  cpSync(PACKAGE, join(modules, 'tsimg'), { recursive: true });
  for (const name of Object.keys(dependencies ?? {})) install(modules, name);
  return modules;
}

function update(modules: string, root: string, ...args: readonly string[]) {
  const main = join(modules, 'tsimg', 'dist', 'src', 'tsimg.cjs');
  const env = { PATH: process.env.PATH, TSIMG_ROOT: root, HOME: tempDir() };
  return spawnSync(process.execPath, [main, 'trust', 'update', ...args], { encoding: 'utf8', env });
}

test('without the client for trust updates, one line names the package and the command that installs it', () => {
  const [modules, root] = [installed(), join(tempDir(), 'store')];
  const { status, stdout, stderr } = update(modules, root);
  const major = /\d+/.exec(peerDependencies?.[TUF] ?? '')?.[0];
  assert.is(
    stderr,
    `tsimg: the client for trust updates is not installed (${TUF}); npm install ${TUF}@${major} ` +
      '(with -g where tsimg was installed with it)\n',
  );
  assert.equal([status, stdout], [1, '']);
  assert.is(JSON.parse(update(modules, root, '--json').stderr).error.code, 'HOST_UNSUPPORTED');
  assert.not.ok(existsSync(root), 'nothing was made');
});

test('with the client, the same command asks the mirror', () => {
  const modules = installed();
  install(modules, TUF);
  const tufRoot = join(tempDir(), 'root.json');
  writeFileSync(tufRoot, '{}');
  const mirror = ['--mirror', 'http://127.0.0.1:9', '--tuf-root', tufRoot];
  const { status, stderr } = update(modules, join(tempDir(), 'store'), ...mirror);
  assert.match(stderr, /^tsimg: the trusted root cannot be updated \(http:\/\/127\.0\.0\.1:9\): .*\n$/);
  assert.is(status, 1);
});

test.run();
