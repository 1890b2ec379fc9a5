import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_ARCHIVE, ROOT } from '../support/checkout.ts';
import { until } from '../support/command/container-cli.ts';
import type { CallResult } from '../support/command/resident-command.ts';
import { BUILT } from '../support/command/tsimg.ts';
import { PACKAGE } from '../support/command/user-project.ts';
import { makeBusyboxRootfs } from '../support/container/busybox-rootfs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// The published scripts, which scripts/join.mjs joins of modules, must do what the modules do.

const test = suite('cli/published');
const STORE = join(tempDir(), 'store');
const PUBLISHED = join(PACKAGE, 'dist', 'src', 'tsimg.cjs');

function outcome(main: string, args: readonly string[], home = tempDir(), more: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env.PATH, TSIMG_ROOT: STORE, HOME: home, ...more };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

/** Returns the files of V8's code cache. */
function compiledIn(home: string): readonly string[] {
  const folder = join(home, '.cache');
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  return paths.filter((path) => statSync(path).isFile());
}

const CALLS: readonly (readonly string[])[] = [
  ['--version'],
  ['--help'],
  ['run', '--help'],
  ['rnu'],
  ['images', '--json'],
  ['inspect', 'absent'],
  ['run', '--network', 'none', '--json', '/nowhere', 'true'],
  ['run', '--pull', 'never', 'absent'],
  ['unpack', '/nowhere.tar', '/nowhere'],
  ['ls', EXAMPLE_ARCHIVE],
];

test('the published command does what its modules do, also for errors', () => {
  // The modules are loaded once for all calls
  const program = join(import.meta.dirname, '..', 'support', 'command', 'many-calls.js');
  const byModules = outcome(program, [JSON.stringify(CALLS)]);
  assert.is(byModules.status, 0, byModules.stderr);
  const expected: readonly CallResult[] = JSON.parse(byModules.stdout);
  assert.is(expected.length, CALLS.length);
  for (const [index, args] of CALLS.entries()) {
    const home = tempDir();
    assert.equal(outcome(PUBLISHED, args, home), expected[index], args.join(' '));
    assert.equal(
      outcome(PUBLISHED, args, home),
      expected[index],
      `${args.join(' ')}, with what V8 made of it at first`,
    );
  }
});

test('the package has text and the stub, and nothing that was compiled for one version of Node', () => {
  const files = readdirSync(PACKAGE, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(PACKAGE, file)).isFile(),
  );
  const api = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const others = files.filter(
    (file) => !/\.(cjs|js|d\.ts|map|md|svg|json)$|^LICENSE$|^(completions|examples|man)\//.test(file),
  );
  assert.equal(others.sort(), ['dist/src/sys/stub/stub-arm64', 'dist/src/sys/stub/stub-x64']);
  const modules = files.filter((file) => /\.c?js$/.test(file) && !/^dist\/src\/(programs|scripts)\//.test(file));
  const entries = Object.keys(api.exports).filter((entry) => entry !== './package.json');
  const names = entries.map((entry) => (entry === '.' ? 'api' : entry.slice(2)));
  const expected = [...names.flatMap((name) => [`${name}.js`, `${name}.cjs`]), 'library.cjs', 'tsimg.cjs'];
  assert.equal(modules.sort(), expected.map((name) => `dist/src/${name}`).sort());
  for (const file of files) assert.not.ok(readFileSync(join(PACKAGE, file), 'latin1').includes(ROOT), file);
});

test('the licenses of joined packages go with the scripts', () => {
  const licenses = readFileSync(join(PACKAGE, 'dist', 'src', 'scripts', 'licenses.md'), 'utf8');
  for (const name of ['@sigstore/core', 'commander', 'got', 'gunzip-maybe', 'zod'])
    assert.match(licenses, new RegExp(`^## ${name} \\d`, 'm'));
  assert.not.match(licenses, /^## http2-wrapper/m);
});

test('one script of the command has zod, and the smaller form of it alone', () => {
  const folder = join(PACKAGE, 'dist', 'src', 'scripts');
  const holders = readdirSync(folder).filter((name) => {
    if (!name.endsWith('.cjs')) return false;
    const modules = readFileSync(join(folder, name), 'utf8').match(/^\/\/ node_modules\/zod\/.*$/gm) ?? [];
    const others = modules.filter((module) => !/\/zod\/(mini|v4\/(core|locales|mini))\//.test(module));
    assert.equal(others, [], name);
    return modules.length > 0;
  });
  assert.equal(holders, ['images.cjs']);
});

test('a request and an archive load nothing of joined packages from node_modules', () => {
  const alone = join(tempDir(), 'package');
  cpSync(PACKAGE, alone, { recursive: true });
  mkdirSync(join(alone, 'node_modules'));
  for (const name of ['@sigstore', 'koffi', '@koromix']) {
    const path = join(ROOT, 'node_modules', name);
    if (existsSync(path)) symlinkSync(path, join(alone, 'node_modules', name));
  }
  const main = join(alone, 'dist', 'src', 'tsimg.cjs');
  const { status, stderr } = outcome(main, ['tags', '127.0.0.1:1/name']);
  assert.match(stderr, /^tsimg: no answer from the registry \(http:.*connection refused/);
  assert.is(status, 1);
  const listed = outcome(main, ['ls', EXAMPLE_ARCHIVE]);
  assert.equal([listed.status, listed.stderr], [0, '']);
});

test('a call loads modules of Node’s for TLS, programs and threads only where it needs them', () => {
  const told = join(tempDir(), 'told.cjs');
  writeFileSync(told, "process.on('exit', () => console.log(JSON.stringify(process.moduleLoadList)));");
  const loaded = (...args: readonly string[]): readonly string[] => {
    const { stdout } = outcome(PUBLISHED, args, tempDir(), { NODE_OPTIONS: `--require=${told}` });
    const modules: readonly string[] = JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1));
    const names = modules.map((name) => name.replace('NativeModule ', ''));
    return ['http', 'https', 'tls', 'child_process', 'worker_threads'].filter((name) => names.includes(name));
  };
  const hot = readFileSync(join(PACKAGE, 'dist', 'src', 'scripts', 'hot.cjs'), 'utf8');
  assert.not.match(hot, /__toESM\(require\("node:|, __toCommonJS\(\w+\)\),$/m, 'no module is copied');
  assert.equal(loaded('images'), []);
  assert.equal(loaded('tags', '127.0.0.1:1/name'), ['http']);
  assert.equal(loaded('tags', '--tls-verify=true', '127.0.0.1:1/name'), ['http', 'https', 'tls']);
});

test('the library has one class TsimgError, also in a worker thread', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(join(PACKAGE, 'dist', 'src', 'api.js'))}).then(async (api) => {
      const { TsimgError, parseReference, openImage, loadImage } = api;
      const caught = [];
      for (const fail of [() => parseReference('!'), () => openImage('/nowhere.tar')]) {
        try { await fail(); } catch (error) { caught.push(error instanceof TsimgError && error.code); }
      }
      parentPort.postMessage({ names: Object.keys(api), caught });
    });`;
  const worker = new Worker(code, { eval: true });
  const message = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const names = Object.keys(await import(join(dirname(BUILT), 'api.js')));
  assert.equal(message, { names, caught: ['REFERENCE_INVALID', 'SOURCE_NOT_FOUND'] });
});

test('--debug prints where in the source an error was thrown', () => {
  const { stderr } = outcome(PUBLISHED, ['--debug', 'unpack', '/nowhere.tar', '/nowhere']);
  assert.match(stderr, /src\/[\w/-]+\.ts:\d+:\d+/);
  assert.not.match(stderr, /scripts\/\w+\.cjs/);
});

test('V8’s code cache is kept for the user alone, and made anew where it is damaged', () => {
  const home = tempDir();
  const first = outcome(PUBLISHED, ['images'], home);
  const made = compiledIn(home);
  assert.ok(made.length > 0);
  for (const folder of ['.cache', '.cache/tsimg', '.cache/tsimg/compiled']) {
    assert.is(statSync(join(home, folder)).mode & 0o777, 0o700, folder);
  }
  const times = made.map((file) => statSync(file).mtimeMs);
  assert.equal(outcome(PUBLISHED, ['images'], home), first);
  assert.equal(
    compiledIn(home).map((file) => statSync(file).mtimeMs),
    times,
  );
  for (const damage of [(bytes: Buffer) => bytes.fill(0, 64), (bytes: Buffer) => bytes.subarray(0, 100), () => '']) {
    for (const file of made) writeFileSync(file, damage(readFileSync(file)));
    assert.equal(outcome(PUBLISHED, ['images'], home), first);
  }
});

test('compiled code is not kept of a call that fails, and grows with calls that do more', () => {
  if (typeof Reflect.get(module, 'enableCompileCache') === 'function') {
    console.log('skipped: needs Node 20, whose compiled code tsimg keeps itself');
    return;
  }
  const home = tempDir();
  // Each call looks whether it has more.
  const env = {
    NODE_OPTIONS: '--import "data:text/javascript,Math.random = () => 0"',
    TSIMG_ROOT: join(home, 'store'),
  };
  const call = (...args: readonly string[]) => {
    outcome(PUBLISHED, args, home, env);
    return compiledIn(home).filter((file) => /-images\/images-/.test(file));
  };
  assert.equal(call('images', '--filter', 'nonsense'), []);
  const [file = ''] = call('images');
  const { size } = statSync(file);
  call('images');
  assert.is(statSync(file).size, size);
  call('load', '-q', EXAMPLE_ARCHIVE);
  call('images');
  assert.ok(statSync(file).size > size);
});

test('no code cache is kept in a folder that others can write to', () => {
  const home = tempDir();
  mkdirSync(join(home, '.cache'));
  chmodSync(join(home, '.cache'), 0o777);
  assert.is(outcome(PUBLISHED, ['images'], home).status, 0);
  assert.equal(compiledIn(home), []);
});

const run = haveTools('busybox') && haveRoot() ? test : test.skip;
run('the published command starts a container', () => {
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const script = ['/bin/sh', '-c', 'echo $$; exit 3'];
  const { status, stdout, stderr } = outcome(PUBLISHED, ['run', '--network', 'none', rootfs, ...script]);
  assert.equal([status, stdout], [3, '1\n'], stderr);
  assert.is(outcome(PUBLISHED, ['run', '--network', 'none', rootfs, 'no-such']).status, 127);
});

run('a monitor has V8 take compiled code, and keeps it where the command does', async () => {
  const home = tempDir();
  const env = { XDG_CACHE_HOME: join(home, '.cache') };
  mkdirSync(env.XDG_CACHE_HOME, { mode: 0o700 });
  const call = (...args: readonly string[]) => {
    const { status, stdout, stderr } = outcome(PUBLISHED, args, tempDir(), env);
    assert.is(status, 0, stderr);
    return stdout.trim();
  };
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const id = call('run', '-d', '-q', '--network', 'none', rootfs, '/bin/sleep', '1000');
  try {
    const monitor = call('inspect', '-f', '{{.State.ConmonPid}}', id);
    const [node = '', ...words] = readFileSync(`/proc/${monitor}/cmdline`, 'latin1').split('\0');
    const options = words.filter((word) => word.startsWith('-'));
    // V8 refuses code of a process with other flags
    const code = new Script('1').createCachedData().toString('base64');
    const look = `new vm.Script('1', { cachedData: Buffer.from('${code}', 'base64') }).cachedDataRejected`;
    assert.is(spawnSync(node, [...options, '-p', look], { encoding: 'utf8' }).stdout, 'false\n');
  } finally {
    call('rm', '-f', id);
  }
  await until('its code is kept', () => compiledIn(home).some((file) => /-monitor\//.test(file)));
});

test.run();
