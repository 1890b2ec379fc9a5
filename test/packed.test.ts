import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as tsimg from '../src/api.ts';
import * as sandbox from '../src/sandbox.ts';
import * as testing from '../src/testing.ts';
import { readPage } from './docs/support/page.ts';
import { faultOf, targetsOf } from './docs/support/page-links.ts';
import { EXAMPLE_IMAGE, ROOT } from './support/checkout.ts';
import { installPackage, makeProject, PACKAGE } from './support/command/user-project.ts';
import { canRunContainers } from './support/container/define-runs.ts';

// The package as npm publishes it, in the project of a user.

const test = suite('packed');
/** The TypeScript of two years ago, and the newest. */
const COMPILERS = ['typescript-5.7', 'typescript'];

function run(project: string, ...args: readonly string[]) {
  // What Node says of its own experiments is not of the library.
  const words = ['--disable-warning=ExperimentalWarning', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: project, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** A program whose exports have the types of all functions of the library, which a declaration has to name. */
const PROGRAM = `import * as tsimg from 'tsimg';
import type { Container, RunContainerOptions } from 'tsimg';
import * as sandbox from 'tsimg/sandbox';
import * as testing from 'tsimg/testing';

${Object.entries({ tsimg, sandbox, testing })
  .flatMap(([entry, values]) =>
    Object.entries(values)
      .filter(([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name))
      .map(
        ([name]) => `export const ${entry}_${name} = (...args: Parameters<typeof ${entry}.${name}>) =>
  ${entry}.${name}(...args);`,
      ),
  )
  .join('\n')}

const options: RunContainerOptions = { memory: '64m', env: { A: 1 }, volumes: [{ source: '/x', target: '/x' }] };
export const runTwice = async () => {
  const { stdout } = await tsimg.runContainer('alpine', ['true'], options);
  const { stdout: bytes } = await tsimg.runContainer('alpine', ['true'], { ...options, encoding: 'buffer' });
  return [stdout.trimEnd(), bytes.readUInt8(0)] as const;
};
export const look = async (container: Container) => ({
  facts: await container.inspect(),
  stats: await container.stats(),
  result: await container.exec(['true']),
  command: container.spawn(['true']),
  diff: await container.diff(),
});
export const startOne = () => tsimg.startContainer('postgres:16', { ports: [5432, '8080:80', { container: 53, protocol: 'udp' }] });
tsimg.runContainer('/nowhere.tar').catch((error: unknown) => {
  console.log(error instanceof tsimg.TsimgError && error.code);
});
`;

const SETTINGS = { target: 'es2022', strict: true, declaration: true, skipLibCheck: false, types: ['node'] };
/** With the types of a browser, and without: both have streams of the web. */
const CASES = [
  { name: 'node16', files: ['program.mts', 'program.cts'], settings: { module: 'node16', lib: ['es2022'] } },
  { name: 'bundler', files: ['program.ts'], settings: { module: 'esnext', moduleResolution: 'bundler' } },
] as const;

for (const compiler of COMPILERS) {
  const place = join(ROOT, 'node_modules', compiler);
  if (!existsSync(place)) {
    console.log(`skipped: needs ${compiler} (npm ci)`);
    continue;
  }
  const { version } = createRequire(import.meta.url)(`${compiler}/package.json`);
  test(`a program compiles against all of it by TypeScript ${version}, each way, and runs`, () => {
    const project = makeProject();
    for (const { name, files, settings } of CASES) {
      for (const file of files) writeFileSync(join(project, file), PROGRAM);
      const compilerOptions = { ...SETTINGS, ...settings, outDir: 'out' };
      writeFileSync(join(project, `${name}.json`), JSON.stringify({ compilerOptions, files }));
    }
    // One process, whose compiler is warm for the second way. V8 optimizes nothing: it costs more than it gains here
    const tsc = ['--no-opt', join(place, 'bin', 'tsc')];
    const compiled = run(project, ...tsc, '-b', ...CASES.map(({ name }) => `${name}.json`));
    assert.equal(compiled, { status: 0, output: '' });
    for (const made of ['program.js', 'program.mjs', 'program.cjs']) {
      assert.ok(existsSync(join(project, 'out', made)), made);
    }
    for (const made of ['program.mjs', 'program.cjs']) {
      assert.equal(run(project, join('out', made)), { status: 0, output: 'SOURCE_NOT_FOUND\n' }, made);
    }
  });
}

/** Declarations that a program reads which imports this one, and packages that one of them imports. */
function reachedFrom(path: string, reached = new Set<string>()): ReadonlySet<string> {
  reached.add(path);
  for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(/(?:from|import\() ?['"]([^'"]+)['"]/g)) {
    const next = name.startsWith('.') ? join(path, '..', name.replace(/\.[jt]s$/, '.d.ts')) : name;
    if (!name.startsWith('.')) reached.add(next);
    else if (!reached.has(next)) reachedFrom(next, reached);
  }
  return reached;
}

test('a program’s compiler need not read Zod, which has more types than all of tsimg', () => {
  const reached = ['api', 'testing', 'sandbox'].flatMap((entry) => [
    ...reachedFrom(join(PACKAGE, 'dist', 'src', `${entry}.d.ts`)),
  ]);
  assert.ok(reached.length > 100, 'declarations are found');
  assert.equal(
    reached.filter((each) => each.startsWith('zod')),
    [],
  );
});

test('import and require give the same classes, and each entry has its values', () => {
  const project = makeProject();
  const { exports: entries } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const names = Object.keys(entries).filter((entry) => entry !== './package.json');
  const specifiers = names.map((entry) => `tsimg${entry.slice(1)}`);
  writeFileSync(
    join(project, 'same.mjs'),
    `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
for (const name of ${JSON.stringify(specifiers)}) {
  const [one, other] = [await import(name), require(name)];
  const same = Object.keys(one).filter((key) => key !== 'default' && key !== 'module.exports' && one[key] === other[key]);
  console.log(name, same.length > 0 && same.length === Object.keys(other).length);
}`,
  );
  assert.equal(run(project, 'same.mjs'), {
    status: 0,
    output: specifiers.map((name) => `${name} true\n`).join(''),
  });
});

test('an import does not have Node look for names of exports in the whole library, which takes longer than to run it', () => {
  const scripts = readdirSync(join(PACKAGE, 'dist', 'src')).filter((name) => /^(api|sandbox|testing)\.cjs$/.test(name));
  assert.is(scripts.length, 3);
  const code =
    'for (const path of process.argv.slice(1)) import(path).then((found) => console.log(Object.keys(found)));';
  // Names that Node has found stand beside what it always adds
  const { output } = run(makeProject(), '-e', code, ...scripts.map((name) => join(PACKAGE, 'dist', 'src', name)));
  assert.match(output, /^(\[ 'default'(, 'module\.exports')? \]\n){3}$/);
});

test('the library loads no package that only verification needs', () => {
  const code =
    "require('tsimg'); console.log(Object.keys(require.cache).filter((path) => path.includes('@sigstore')));";
  assert.equal(run(makeProject(), '-e', code), { status: 0, output: '[]\n' });
});

test('the library and the command say at once that they run on Node', () => {
  const project = makeProject();
  for (const [name, said] of [
    ['bun', /needs Node\.js 20 or newer, and this is Bun 9\.9/],
    ['deno', /needs Node\.js 20 or newer, and this is Deno 9\.9/],
  ] as const) {
    writeFileSync(
      join(project, 'other.cjs'),
      `Object.defineProperty(process.versions, '${name}', { value: '9.9' });\n`,
    );
    for (const args of [
      ['-e', "require('tsimg')"],
      ['../node_modules/tsimg/dist/src/tsimg.cjs', '--version'],
    ]) {
      const { status, output } = run(project, '--require', './other.cjs', ...args);
      assert.is(status, 1);
      assert.match(output, said);
    }
  }
});

test('the map of the library names its sources where they are in a checkout, so that traces tell of tsimg', () => {
  const project = makeProject();
  const { output } = run(
    project,
    '--enable-source-maps',
    '-e',
    "require('tsimg').inspectImage('oci:nowhere').catch(({ stack }) => console.log(stack))",
  );
  assert.match(output, /node_modules\/tsimg\/src\/\S+\.ts:\d+/);
});

test('without the optional dependencies it is said which one is missing, when it is needed', () => {
  const project = installPackage();
  const koffi = join(project, 'node_modules', 'koffi');
  rmSync(koffi);
  cpSync(join(ROOT, 'node_modules', 'koffi'), koffi, { recursive: true });
  const code =
    "require('tsimg').runContainer('.', ['true'], { root: 'store' }).catch((e) => console.log(e.code, e.hint))";
  const { status, output } = run(project, '-e', code);
  assert.is(status, 0, output);
  assert.match(output, /^HOST_UNSUPPORTED install tsimg with its optional dependencies/);
});

/** Loads a script into a realm of its own, with the globals that jest gives it, and uses a container. */
const REALM = `
const vm = require('node:vm');
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require.resolve('tsimg').replace(/api\\.cjs$/, 'library.cjs');
const context = vm.createContext({ Uint8Array, ArrayBuffer });
const own = new Set(vm.runInContext('Object.getOwnPropertyNames(globalThis)', context));
for (const name of Object.getOwnPropertyNames(globalThis)) if (!own.has(name)) context[name] = globalThis[name];
const load = vm.runInContext('(function (exports, module, require, __dirname) {' + readFileSync(path) + '\\n})', context);
const made = { exports: {} };
load(made.exports, made, createRequire(path), require('node:path').dirname(path));
const { runContainer, startContainer, TsimgError } = made.exports.api;
const options = { root: 'store', network: 'none' };
(async () => {
  const image = process.argv[2];
  console.log((await runContainer(image, ['cat'], { ...options, stdin: 'in' })).stdout);
  const container = await startContainer(image, { ...options, command: ['sleep', '1000'] });
  console.log((await container.exec(['echo', 'exec'])).stdout.trim());
  await container.remove();
  const slow = runContainer(image, ['sleep', '1000'], { ...options, timeout: 300 });
  console.log(await slow.catch((error) => error instanceof TsimgError && error.code));
  console.log(await runContainer('/nowhere.tar').catch((error) => error.code));
})();`;

if (canRunContainers()) {
  test('the library works in a realm of a test runner, whose errors and symbols are not those of Node', () => {
    const project = makeProject();
    writeFileSync(join(project, 'realm.cjs'), REALM);
    const output = 'in\nexec\nLIMIT_EXCEEDED\nSOURCE_NOT_FOUND\n';
    assert.equal(run(project, 'realm.cjs', EXAMPLE_IMAGE), { status: 0, output });
  });
}

test("the README's links lead to what the package holds: npm shows it without the rest of the checkout", () => {
  const readme = readPage('README.md');
  const has = (path: string) => existsSync(join(PACKAGE, path));
  assert.ok(has('README.md'));
  assert.equal(
    targetsOf(readme).flatMap((target) => faultOf(readme, target, has) ?? []),
    [],
  );
});

test('nothing has to be run when it is installed', () => {
  const manifests = [
    'package.json',
    ...readdirSync(join(PACKAGE, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('package.json'))
      .map((path) => join('dist', path)),
  ];
  for (const manifest of manifests) {
    const { scripts = {} } = JSON.parse(readFileSync(join(PACKAGE, manifest), 'utf8'));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.not.ok(name in scripts, name);
  }
});

test.run();
