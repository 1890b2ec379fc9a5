// Compiles src, test, fixtures, bench, scripts and examples into dist, and adds the scripts that are published
// (join.mjs). Only what changed is compiled, in .build; dist is made beside and takes the name when it is complete:
// nothing stale is left, so that a deleted test can never run on, and a command that is installed from here is there at
// all times.
//   --modules  leaves the published scripts as they are, for tests that do not run them
//   --afresh   makes everything, as if nothing had been made before
// Plain JavaScript: it is what makes the rest runnable.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { filesBelow, fingerprintOf } from './build/files.mjs';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const build = join(root, '.build');
const compiled = join(build, 'compiled');
const made = join(build, 'dist');
/** The file that records what the last build was made of, and what it made. */
const STATE = 'build-state.json';
const COMPILED = ['src', 'test', 'fixtures', 'bench', 'scripts', 'examples'];
/** The entries of the library, written over what is compiled. */
const JOINED_ENTRIES = ['api', 'testing', 'sandbox'].map((entry) => join('src', `${entry}.js`));
/** Made of modules, beside what is compiled. */
const JOINED = [
  ...JOINED_ENTRIES,
  ...JOINED_ENTRIES.map((path) => path.replace(/js$/, 'cjs')),
  join('src', 'library.cjs'),
  join('src', 'library.cjs.map'),
  join('src', 'commonjs'),
  join('src', 'tsimg.cjs'),
  join('src', 'scripts'),
  join('src', 'programs'),
];
/** Programs that are no JavaScript, by the machine that they run on. */
const STUBS = new Map(['x64', 'arm64'].map((machine) => [machine, join('src', 'sys', 'stub', `stub-${machine}`)]));

const modulesOnly = process.argv.includes('--modules');
const afresh = process.argv.includes('--afresh');
const remove = (path) => rmSync(path, { recursive: true, force: true });

function fail(message, status = 1) {
  if (message !== undefined) console.error(message);
  remove(made);
  process.exit(status);
}

/** The compiler is a program of Go: to collect its garbage takes a fifth of its time, and saves a tenth of its memory. */
const COMPILER_ENV = { GOGC: 'off', ...process.env };

function run(program, args, env = process.env) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', env });
  if (status !== 0) fail(error === undefined ? undefined : `${program}: ${error.message}`, status ?? 1);
}

/** What is to be made now: fingerprints of what is compiled, and of what is joined of it. */
function sourceState() {
  const shared = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'node_modules/.package-lock.json',
    'scripts/build.mjs',
  ];
  const sources = COMPILED.flatMap((folder) => filesBelow(join(root, folder)).map((file) => join(folder, file)));
  const joined = [...shared, 'scripts/join.mjs', ...sources.filter((file) => file.startsWith('src/'))];
  return {
    sources,
    compiled: fingerprintOf(root, [...shared, ...sources], 'ctimeMs'),
    joined: fingerprintOf(root, joined, 'ctimeMs'),
  };
}

function outputState(folder) {
  const files = filesBelow(folder).filter((file) => file !== STATE);
  return fingerprintOf(folder, files, 'mtimeMs');
}

/** What the last build left in dist; empty where that is not what is there now. */
function lastState() {
  try {
    const state = JSON.parse(readFileSync(join(dist, STATE), 'utf8'));
    return state.outputs === outputState(dist) ? state : {};
  } catch {
    // No build, or not a whole one: all is made
    return {};
  }
}

const isDone = (last, now) => last.compiled === now.compiled && (modulesOnly || last.joined === now.joined);

function outputsOf(sources) {
  const modules = sources.filter((file) => /\.ts$/.test(file) && !/\.d\.ts$/.test(file));
  return modules.flatMap((file) => [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')]);
}

const isCompiled = (output) => existsSync(join(compiled, output));

/** Compiles what changed. What has no source any more goes, and where something is missing all is compiled. */
function compile(outputs) {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const info = join(build, 'tsconfig.tsbuildinfo');
  const expected = new Set(outputs);
  for (const file of filesBelow(compiled)) if (!expected.has(file)) remove(join(compiled, file));
  const tsc = () =>
    run(
      process.execPath,
      [
        compiler,
        '-p',
        join(root, 'tsconfig.build.json'),
        '--outDir',
        compiled,
        '--incremental',
        '--tsBuildInfoFile',
        info,
      ],
      COMPILER_ENV,
    );
  tsc();
  if (outputs.every(isCompiled)) return;
  remove(info);
  tsc();
}

/**
 * Copies the compiled files to `made`, which becomes dist. Its files are hard links to those of the present dist, so a
 * file is replaced, never written to.
 * @param isTrusted whether the present dist is as the last build left it
 */
function bring(outputs, isTrusted) {
  const kept = new Set([...outputs, ...JOINED, ...STUBS.values()]);
  const isKept = (file) => kept.has(file) || JOINED.some((path) => file.startsWith(`${path}/`));
  for (const file of filesBelow(made)) if (!isKept(file)) remove(join(made, file));
  for (const file of outputs) {
    const { size, mtimeMs } = lstatSync(join(compiled, file));
    const there = lstatSync(join(made, file), { throwIfNoEntry: false });
    if (there !== undefined && isTrusted) {
      const isSame = there.size === size && Math.abs(there.mtimeMs - mtimeMs) < 1;
      if (isSame || (JOINED_ENTRIES.includes(file) && there.mtimeMs > mtimeMs)) continue;
    }
    remove(join(made, file));
    mkdirSync(dirname(join(made, file)), { recursive: true });
    copyFileSync(join(compiled, file), join(made, file));
    utimesSync(join(made, file), mtimeMs / 1000, mtimeMs / 1000);
  }
}

async function makeStubs() {
  const { makeStubProgram } = await import('../.build/dist/src/sys/stub/machine/program.js');
  for (const [machine, file] of STUBS) {
    const path = join(made, file);
    const program = makeStubProgram(machine);
    if (existsSync(path) && readFileSync(path).equals(program)) continue;
    remove(path);
    writeFileSync(path, program, { mode: 0o755 });
  }
}

async function main() {
  let now = sourceState();
  if (!afresh && isDone(lastState(), now)) return;
  mkdirSync(build, { recursive: true });
  const { exchange, lockUntilExit } = await import('./build/exchange.mjs');
  lockUntilExit(join(build, 'lock'));
  // Another process may have made it meanwhile
  now = sourceState();
  const last = afresh ? {} : lastState();
  if (isDone(last, now)) return;
  remove(made);
  if (afresh) for (const path of [compiled, join(build, 'tsconfig.tsbuildinfo')]) remove(path);
  const outputs = outputsOf(now.sources);
  if (last.compiled !== now.compiled || !outputs.every(isCompiled)) compile(outputs);
  // Also for a dist of which nothing is known: a command that is installed from it goes on
  if (afresh || !existsSync(dist)) mkdirSync(made);
  else run('cp', ['-al', dist, made]);
  remove(join(made, STATE));
  bring(outputs, last.compiled !== undefined);
  chmodSync(join(made, 'src', 'main.js'), 0o755);
  await makeStubs();
  const isJoined = !modulesOnly && last.joined !== now.joined;
  if (isJoined) {
    for (const path of JOINED) remove(join(made, path));
    const { joinScripts } = await import('./join.mjs');
    await joinScripts(root, join(made, 'src'));
  }
  const state = { compiled: now.compiled, joined: isJoined ? now.joined : last.joined, outputs: outputState(made) };
  writeFileSync(join(made, STATE), JSON.stringify(state));
  exchange(made, dist, join(build, 'dist.aside'));
  run('rm', ['-rf', made]);
}

try {
  await main();
} catch (error) {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  fail(isMissing ? 'a package is missing: run `npm ci` first' : error.message);
}
