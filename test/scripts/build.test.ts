import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';

// The build of a checkout that is small. That the scripts are joined is tested by all that runs them.

const test = suite('scripts/build');

const SOURCES: Readonly<Record<string, string>> = {
  'src/main.ts':
    "import { word } from './word.ts';\ndeclare const console: { log(text: string): void };\nconsole.log(word);\n",
  'src/word.ts': "export const word = 'first';\n",
  'src/sys/stub/machine/program.ts':
    'export const makeStubProgram = (machine: string): Uint8Array => new Uint8Array(machine.length);\n',
  'test/one.test.ts': "import '../src/word.ts';\n",
};

interface Checkout {
  readonly folder: string;
  write(path: string, text: string): void;
  build(...options: readonly string[]): { readonly status: number | null; readonly output: string };
  has(path: string): boolean;
  /** What the compiled program prints. */
  said(): string;
}

function makeCheckout(): Checkout {
  const folder = tempDir();
  const at = (path: string) => join(folder, path);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  for (const [path, text] of Object.entries(SOURCES)) write(path, text);
  for (const path of ['package.json', 'tsconfig.build.json', 'scripts/build.mjs', 'scripts/build']) {
    cpSync(join(ROOT, path), at(path), { recursive: true });
  }
  // Without the types of Node, which would take most of each compilation
  const settings = readFileSync(join(ROOT, 'tsconfig.json'), 'utf8');
  write('tsconfig.json', settings.replace('"types": ["node"]', '"types": []'));
  symlinkSync(join(ROOT, 'node_modules'), at('node_modules'));
  return {
    folder,
    write,
    has: (path) => existsSync(at(path)),
    build(...options) {
      const args = [at('scripts/build.mjs'), '--modules', ...options];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      return { status, output: stdout + stderr };
    },
    said: () => spawnSync(process.execPath, [at('dist/src/main.js')], { encoding: 'utf8' }).stdout.trim(),
  };
}

const DONE = { status: 0, output: '' };

test('what changed is compiled, and where nothing did, dist is left alone', () => {
  const { folder, build, said, write } = makeCheckout();
  // npm installs in a folder of scripts/, too
  write('scripts/docs/node_modules/package/index.ts', 'export const wrong: number = "";');
  assert.equal(build(), DONE);
  assert.is(said(), 'first');
  const { ino } = statSync(join(folder, 'dist'));
  assert.equal(build(), DONE);
  assert.is(statSync(join(folder, 'dist')).ino, ino);
  write('src/word.ts', "export const word = 'other';\n");
  assert.equal(build(), DONE);
  assert.is(said(), 'other');
});

test('what has no source any more is gone', () => {
  const { folder, build, has, write } = makeCheckout();
  write('test/deep/two.test.ts', '');
  assert.equal(build(), DONE);
  assert.ok(has('dist/test/one.test.js') && has('dist/test/deep/two.test.js'));
  for (const path of ['test/one.test.ts', 'test/deep']) rmSync(join(folder, path), { recursive: true });
  assert.equal(build(), DONE);
  assert.not.ok(has('dist/test/one.test.js') || has('dist/test/deep/two.test.js') || has('dist/test/one.test.d.ts'));
});

test('what was changed in dist, or is missing there or where it is compiled, is made again', () => {
  const { folder, build, said, has, write } = makeCheckout();
  build();
  const spoil = [
    () => write('dist/src/word.js', "export const word = 'wrong';\n"),
    () => write('dist/test/stray.test.js', ''),
    () => rmSync(join(folder, 'dist', 'src', 'word.js')),
    () => rmSync(join(folder, 'dist'), { recursive: true }),
    () => {
      rmSync(join(folder, '.build'), { recursive: true });
      write('dist/test/stray.test.js', '');
    },
    () => {
      for (const part of ['dist', '.build/compiled/src']) rmSync(join(folder, part), { recursive: true });
    },
  ];
  for (const each of spoil) {
    each();
    assert.equal(build(), DONE, String(each));
    assert.is(said(), 'first', String(each));
    assert.not.ok(has('dist/test/stray.test.js'), String(each));
  }
});

test('with --afresh nothing is taken from an earlier build', () => {
  const { build, said, write, has } = makeCheckout();
  build();
  write('.build/compiled/src/word.js', "export const word = 'wrong';\n");
  write('dist/src/programs/old.cjs', '');
  assert.equal(build('--afresh'), DONE);
  assert.is(said(), 'first');
  assert.not.ok(has('dist/src/programs/old.cjs'));
});

test('an error of types is told each time, and dist stays what it was', () => {
  const { build, said, write } = makeCheckout();
  build();
  write('src/word.ts', 'export const word: number = "wrong";\n');
  for (const time of ['first', 'second']) {
    const { status, output } = build();
    assert.is(status, 2, time);
    assert.match(output, 'src/word.ts', time);
    assert.is(said(), 'first', time);
  }
});

test('what is published is there at every moment of two builds at once, which write to no file in use', async () => {
  const { folder, build, said, write } = makeCheckout();
  build();
  const command = join(folder, 'dist', 'src', 'tsimg.cjs');
  // What a build of modules leaves as it is
  writeFileSync(command, '');
  const old = readFileSync(join(folder, 'dist', 'src', 'word.js'), 'utf8');
  const watch = `
    const { statSync, openSync, readFileSync } = require('fs');
    const [folder] = process.argv.slice(1);
    const word = openSync(folder + '/src/word.js');
    let [looks, missing, ended] = [0, 0, false];
    const look = () => {
      for (let i = 0; i < 500; i++, looks++) {
        if (!statSync(folder + '/src/tsimg.cjs', { throwIfNoEntry: false })) missing++;
      }
      if (ended) console.log(JSON.stringify({ looked: looks > 1000, missing, word: readFileSync(word, 'utf8') }));
      else setImmediate(look);
    };
    process.stdin.resume().on('end', () => (ended = true));
    console.log('watching');
    look();`;
  const watcher = spawn(process.execPath, ['-e', watch, join(folder, 'dist')], { stdio: ['pipe', 'pipe', 'inherit'] });
  let watched = '';
  const watching = new Promise((resolve) => watcher.stdout.once('data', resolve));
  watcher.stdout.on('data', (chunk) => {
    watched += chunk;
  });
  await watching;
  const ended = (child: ChildProcess) => new Promise((resolve) => child.on('close', resolve));
  for (const word of ['second', 'third']) {
    write('src/word.ts', `export const word = '${word}';\n`);
    const builds = [1, 2].map(() => spawn(process.execPath, [join(folder, 'scripts/build.mjs'), '--modules']));
    assert.equal(await Promise.all(builds.map(ended)), [0, 0]);
    assert.is(said(), word);
  }
  watcher.stdin.end();
  await ended(watcher);
  assert.equal(JSON.parse(watched.replace('watching\n', '')), { looked: true, missing: 0, word: old });
});

test.run();
