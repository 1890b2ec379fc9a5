import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { changedFiles, testsOf } from '../../scripts/test/changed.ts';
import { choose, chooseOne } from '../../scripts/test/choose.ts';
import { needsJoined, readModules, runsCommand } from '../../scripts/test/imports.ts';
import { divide, keepLengths, lengthsBy, longestFirst } from '../../scripts/test/lengths.ts';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Which tests are run, in which order, and what is made for them.

const test = suite('scripts/select-tests');

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const DIST = folderOf({
  'src/api.js': "export * from './a.js';",
  'src/a.js': "import { b } from './deep/b.js';\nconst name = 'c.js';",
  'src/deep/b.js': "export const b = await import('../d.js');",
  'src/d.js': '',
  'src/e.js': "new URL('../programs/worker.cjs', import.meta.url);",
  'src/deep/worker.js': "export * from '../d.js';",
  'src/main.js': "import './e.js';",
  'src/deep/f-one.js': '',
  'src/deep/f-two.js': '',
  'test/support/command/tsimg.js': "export const BUILT = join(ROOT, 'dist', 'src', 'main.js');",
  'test/support/runner.js': "import '../../src/d.js';",
  'test/imports.test.js': "import '../src/a.js';",
  'test/thread.test.js': "import '../src/e.js'; readFileSync(join(ROOT, 'docs', 'errors.md'));",
  'test/command.test.js': "import { MAIN } from './support/command/tsimg.js';",
  'test/names.test.js': "const RUNNER = join(import.meta.dirname, 'support', 'runner.js');",
  'test/any.test.js': 'const url = (name) => new URL(`../src/deep/f-${name}.js`, import.meta.url);',
  'test/copies.test.js': 'cpSync(ROOT, clone);',
  'test/library.test.js': "import '../src/api.js';",
});
const TESTS = ['imports', 'thread', 'command', 'names', 'any', 'copies', 'library'].map(
  (name) => `test/${name}.test.js`,
);

test('a module needs what it imports, now or late, and what it names', () => {
  const modules = readModules(DIST);
  const needs = (name: string) => [...modules.needsOf(`test/${name}.test.js`)].sort().slice(0, -1);
  assert.equal(needs('imports'), ['src/a.js', 'src/d.js', 'src/deep/b.js']);
  assert.equal(needs('thread'), ['src/d.js', 'src/deep/worker.js', 'src/e.js']);
  assert.ok(needs('command').includes('src/deep/worker.js'));
  assert.equal([...modules.needsOf('test/names.test.js')].sort(), [
    'src/d.js',
    'test/names.test.js',
    'test/support/runner.js',
  ]);
  assert.equal(needs('any'), ['src/deep/f-one.js', 'src/deep/f-two.js']);
});

test('the command is made for tests that run it, what is joined for those with a thread, a program or the library', () => {
  const modules = readModules(DIST);
  const needs = TESTS.map((each) => modules.needsOf(each));
  assert.equal(needs.map(runsCommand), [false, false, true, false, false, false, false]);
  assert.equal(
    needs.map((each) => needsJoined(each, DIST)),
    [false, true, true, false, false, false, true],
  );
});

test('what changed picks the tests that need it, or read it; what all is made with picks all', () => {
  const picked = (...changed: readonly string[]) =>
    testsOf(changed, TESTS, readModules(DIST)).map((path) => path.replace(/^test\/(.*)\.test\.js$/, '$1'));
  assert.equal(picked('src/deep/b.ts'), ['imports', 'copies', 'library']);
  assert.equal(picked('src/deep/worker.ts'), ['thread', 'command', 'copies']);
  assert.equal(picked('src/main.ts'), ['command', 'copies']);
  assert.equal(picked('test/support/runner.ts'), ['names', 'copies']);
  assert.equal(picked('test/names.test.ts', 'src/deep/f-two.ts'), ['names', 'any', 'copies']);
  assert.equal(picked('docs/errors.md'), ['thread', 'copies']);
  assert.equal(picked('docs-of-others/errors.md', 'LICENSE'), ['copies']);
  for (const each of ['package.json', 'tsconfig.json', 'scripts/build/files.mjs', 'scripts/test/run-file.ts']) {
    assert.is(picked(each).length, TESTS.length, each);
  }
});

test('changed is what the branch has that main has not, what is not committed, and what is new', () => {
  if (!haveTools('git')) return;
  const folder = folderOf({ 'a.ts': '1', 'b.ts': '1', 'c.ts': '1', 'gone.ts': '1', '.gitignore': 'left-out' });
  const git = (...args: readonly string[]) => {
    const { status, stderr } = spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.example', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
  };
  const commit = () => {
    git('add', '.');
    git('commit', '-qm', 'x');
  };
  git('init', '-qb', 'main');
  commit();
  git('checkout', '-qb', 'topic');
  writeFileSync(join(folder, 'a.ts'), '2');
  commit();
  git('checkout', '-q', 'main');
  writeFileSync(join(folder, 'c.ts'), '2');
  commit();
  git('checkout', '-q', 'topic');
  writeFileSync(join(folder, 'b.ts'), '2');
  rmSync(join(folder, 'gone.ts'));
  for (const name of ['new é.ts', 'left-out']) writeFileSync(join(folder, name), '');
  assert.equal([...changedFiles(folder)].sort(), ['a.ts', 'b.ts', 'gone.ts', 'new é.ts']);
  git('branch', '-D', 'main');
  assert.throws(() => changedFiles(folder), 'main');
});

test('one file is named by as much of its path as it alone has', () => {
  const files = ['a/run.test.js', 'b/run.test.js', 'b/run-more.test.js', 'run.test.js'];
  for (const name of ['a/run', 'test/a/run.test.ts', './dist/test/a/run.test.js', 'a/ru']) {
    assert.is(chooseOne(files, name), 'a/run.test.js', name);
  }
  assert.is(chooseOne(files, 'run'), 'run.test.js');
  assert.is(chooseOne(files, 'more'), 'b/run-more.test.js');
  for (const name of ['b/ru', 'absent', undefined]) assert.throws(() => chooseOne(files, name));
  assert.equal(choose(files, ['more', 'a/']), ['a/run.test.js', 'b/run-more.test.js']);
});

test('the longest are begun first, as measured here, else as recorded, also where a file was moved', () => {
  const root = tempDir();
  const recorded = { 'a.test.js': 5.4, 'b.test.js': 7, 'c.test.js': 1 };
  keepLengths(root, new Map(Object.entries(recorded)), true);
  rmSync(join(root, '.build'), { recursive: true });
  keepLengths(root, new Map([['a.test.js', 9]]), false);
  const files = ['c.test.js', 'new.test.js', 'moved/b.test.js', 'a.test.js'];
  assert.equal(longestFirst(files, lengthsBy(root)), ['a.test.js', 'moved/b.test.js', 'c.test.js', 'new.test.js']);
});

test('several Nodes run all files within the time, else each of the longest is run with one of them', () => {
  const lengths = new Map([
    ['a', 30],
    ['b', 20],
    ['c', 10],
    ['d', 1],
  ]);
  const files = ['d', 'c', 'b', 'a'];
  const share = (nodes: number, fileSeconds: number) =>
    divide(files, (file) => lengths.get(file) ?? 0, { nodes, fileSeconds });
  const all = ['a', 'b', 'c', 'd'];
  assert.equal(share(1, 0), [all]);
  assert.equal(share(3, 183), [all, all, all]);
  assert.equal(share(3, Number.POSITIVE_INFINITY), [all, all, all]);
  assert.equal(share(3, 182), [all, ['b', 'c', 'd'], ['b', 'c', 'd']]);
  assert.equal(share(3, 100), [
    ['a', 'c', 'd'],
    ['b', 'c', 'd'],
    ['c', 'd'],
  ]);
  // Each file is run once at least, also where that takes longer
  assert.equal(share(2, 0), [
    ['a', 'c'],
    ['b', 'd'],
  ]);
});

test('the commands of the loop in CONTRIBUTING.md run what they say', () => {
  const [, loop = ''] = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8').split('## The loop');
  const commands = [...loop.matchAll(/^ {4}npm (?:test --|run test:(one)) +([^ ]+)(?: +'([^']+)')? +# .*$/gm)];
  // What `--changed` picks is tested above: how much that is differs
  const runs = commands.filter(([, , file]) => file !== '--changed');
  assert.is(runs.length, 3);
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'dist', 'scripts', 'test.js'), '--no-install', ...args], {
      encoding: 'utf8',
    });
  const counts = runs.map(([, one, file = '', name]) => {
    const args = [...(one === undefined ? [] : ['--one']), file, ...(name === undefined ? [] : [name])];
    const { status, stdout } = run(...args);
    assert.is(status, 0, stdout);
    return Number(/(\d+) passed|Passed: +(\d+)/.exec(stdout)?.slice(1).find(Boolean));
  });
  const [all = 0, one, named = 0] = counts;
  assert.is(one, all);
  assert.ok(named > 0 && named < all, String(counts));
  const none = run('--one', 'fold/apply', 'no test has such a name');
  assert.is(none.status, 1);
  assert.match(none.stdout, 'no test in rootfs/fold/apply.test.js has');
});

const NAMED = `
import { suite } from 'uvu';
const one = suite('one');
one.before(() => console.log('prepared one'));
one('a rule', () => console.log('ran a rule'));
one('another', () => console.log('ran another'));
one.skip('a rule that needs more');
one.run();
const two = suite('two');
two.before(() => console.log('prepared two'));
two('nothing', () => {});
two.run();
`;

test('of tests with a name only these run, with what their suite prepares; without one, none does', () => {
  const folder = folderOf({ 'package.json': '{ "type": "module" }', 'named.js': NAMED });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const preload = join(import.meta.dirname, '..', '..', 'scripts', 'test', 'only-named.js');
  const run = (name: string) =>
    spawnSync(process.execPath, ['--import', preload, join(folder, 'named.js')], {
      encoding: 'utf8',
      env: { TSIMG_TEST_NAME: name, NO_COLOR: '1' },
    });
  const { stdout, stderr, status } = run('a rule');
  assert.equal([status, stderr], [0, '']);
  assert.match(stdout, /prepared one\n.*ran a rule\n/);
  assert.match(stdout, /Total: +1\n +Passed: +1\n +Skipped: +1\n/);
  assert.not.match(stdout, /another|two/);
  assert.equal(run('no such').stdout, '');
});

test.run();
