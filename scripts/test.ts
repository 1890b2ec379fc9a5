import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { EXAMPLE_ARCHIVE, EXAMPLE_VARIABLE } from '../test/support/checkout.ts';
import { COMPILED_VARIABLE } from '../test/support/command/compiled-code.ts';
import { spreadTempDirs, tempDir } from '../test/support/temp-dir.ts';
import { missingPackages } from '../test/support/tools.ts';
import { installNode, NODE_LINES } from './other-node.ts';
import { changedFiles, testsOf } from './test/changed.ts';
import { choose, chooseOne } from './test/choose.ts';
import { needsJoined, readModules, runsCommand } from './test/imports.ts';
import { divide, keepLengths, lengthsBy } from './test/lengths.ts';
import { NAME_VARIABLE } from './test/named-suite.ts';
import { type Result, report, runFile } from './test/run-file.ts';

// Runs test files, each in a process of its own, some at a time, and adds up what uvu reports. The command that they
// run is the one that is published; where none of them runs it, it is not made.
// Usage: node dist/scripts/test.js [OPTION...] [PATTERN...]: files whose path holds a pattern, all without one.
//   --one FILE [NAME]      one file; of that, the tests with this in their name
//   --changed              only files that may fail because of what changed since the branch left main
//   --node LINE|others     with the newest Node of a line, or with those of all lines but this Node's own in turn
//   --within MINUTES       where these Nodes would take longer, by what was measured last, the longest files are
//                          divided among them: each of these files runs with one Node
//   --no-install           does not install what tests need besides
//   --at-once COUNT        so many files at a time
//   --again COUNT          if no more files than this fail, each runs once more, alone: a fault fails again, a test that
//                          a busy machine has hindered passes and is told as flaky
//   --record               writes down how long files take, for the order in which a fresh clone begins them

const ROOT = dirname(dirname(import.meta.dirname));
const DIST = join(ROOT, 'dist');
const TEST_DIR = join(DIST, 'test');
const SLOWEST = 10;
const MOST_AT_ONCE = 8;

/**
 * Debian's packages for what is missing, where we may install them; what stays missing is told by the tests that need
 * it.
 */
function installNeeds(): void {
  const packages = missingPackages();
  if (packages.length === 0 || process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return;
  console.log(`installing what the tests need: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options: SpawnSyncOptions = { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: 600_000 };
  spawnSync('apt-get', ['-qq', 'update'], options);
  const { status } = spawnSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...packages], options);
  if (status !== 0) console.log('not everything could be installed; tests that need what is missing say so');
}

/** Makes what these files run besides modules. */
async function makeNeeds(files: readonly string[]): Promise<void> {
  const modules = readModules(DIST);
  const needs = files.map((file) => modules.needsOf(join('test', file)));
  if (needs.some((each) => needsJoined(each, DIST))) {
    const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
  if (!needs.some(runsCommand)) return;
  const { publish } = await import('../test/support/command/publish.ts');
  const { COMMAND_VARIABLE } = await import('../test/support/command/tsimg.ts');
  process.env[COMMAND_VARIABLE] = await publish();
  process.env[COMPILED_VARIABLE] = tempDir(0o755);
  const example = join(tempDir(0o755), 'example.tar');
  writeFileSync(example, gunzipSync(readFileSync(EXAMPLE_ARCHIVE)));
  process.env[EXAMPLE_VARIABLE] = example;
}

function changedOf(files: readonly string[]): readonly string[] {
  const tests = files.map((file) => join('test', file));
  return testsOf(changedFiles(ROOT), tests, readModules(DIST)).map((test) => relative('test', test));
}

function tellSlowest(results: readonly Result[]): void {
  if (results.length <= SLOWEST) return;
  console.log(`the ${SLOWEST} slowest:`);
  for (const { file, seconds } of results.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)) {
    console.log(`${seconds.toFixed(1).padStart(7)} s  ${file}`);
  }
}

/** Runs failed files again, one at a time, and puts what comes of them in the place of the first result. */
async function runAgain(node: string, results: Result[]): Promise<void> {
  for (const [index, first] of results.entries()) {
    if (first.failed === 0) continue;
    const second = await runFile(node, join(TEST_DIR, first.file), { cwd: ROOT, testDir: TEST_DIR });
    results[index] = second;
    report(second);
    if (second.failed === 0) console.log(`flaky ${first.file}: failed beside other files, passed alone`);
  }
}

interface RunAllOptions {
  readonly atOnce: number;
  readonly again: number;
}

/** Runs all files with a Node. */
async function runAll(
  node: string,
  files: readonly string[],
  { atOnce, again }: RunAllOptions,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = [...files];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const result = await runFile(node, join(TEST_DIR, file), { cwd: ROOT, testDir: TEST_DIR });
        results.push(result);
        report(result);
      }
    }),
  );
  if (results.filter(({ failed }) => failed > 0).length <= again) await runAgain(node, results);
  const sum = (key: 'passed' | 'failed' | 'skipped') => results.reduce((total, result) => total + result[key], 0);
  tellSlowest(results);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return results;
}

/** The Nodes to test with. @param line of `--node` */
function nodesFor(line: string | undefined): readonly string[] {
  if (line === undefined) return [process.execPath];
  const own = process.versions.node.split('.')[0];
  const lines = line === 'others' ? NODE_LINES.filter((each) => each !== own) : [line];
  return lines.map((each) => installNode(ROOT, each));
}

/** Runs one file, or what of it has a name, and shows what it writes; the exit status. */
async function runOne(file: string, name: string | undefined): Promise<number> {
  await makeNeeds([file]);
  if (name !== undefined) process.env[NAME_VARIABLE] = name;
  const nodeOptions = name === undefined ? [] : ['--import', join(import.meta.dirname, 'test', 'only-named.js')];
  const result = await runFile(process.execPath, join(TEST_DIR, file), { cwd: ROOT, testDir: TEST_DIR, nodeOptions });
  console.log(result.output.trimEnd());
  if (name !== undefined && !/\bTotal: +[1-9]|\bskipped: needs/.test(result.output)) {
    console.log(`no test in ${file} has “${name}” in its name`);
  }
  return result.failed === 0 ? 0 : 1;
}

const { values: options, positionals } = parseArgs({
  options: {
    one: { type: 'boolean', default: false },
    changed: { type: 'boolean', default: false },
    node: { type: 'string' },
    within: { type: 'string', default: 'Infinity' },
    'no-install': { type: 'boolean', default: false },
    // More than there are processors: many wait for a clock, or for a disk
    'at-once': { type: 'string', default: String(Math.min(4 * availableParallelism(), MOST_AT_ONCE)) },
    again: { type: 'string', default: '0' },
    record: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

async function main(): Promise<number> {
  const all = readdirSync(TEST_DIR, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.js'));
  if (options.one) return await runOne(chooseOne(all, positionals[0]), positionals[1]);
  const minutes = Number(options.within);
  if (!(minutes > 0)) throw new Error(`give minutes: --within ${options.within}`);
  const chosen = choose(all, positionals);
  if (chosen.length === 0) throw new Error('no test file matches');
  const files = options.changed ? changedOf(chosen) : chosen;
  if (files.length === 0) {
    console.log('nothing changed that a test depends on');
    return 0;
  }
  if (!options['no-install']) installNeeds();
  await makeNeeds(files);
  let failed = 0;
  const counts = { atOnce: Number(options['at-once']), again: Number(options.again) };
  const nodes = nodesFor(options.node);
  const fileSeconds = minutes * 60 * counts.atOnce;
  const shares = divide(files, lengthsBy(ROOT), { nodes: nodes.length, fileSeconds });
  const lengths = new Map<string, number>();
  for (const [index, node] of nodes.entries()) {
    console.log(`Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
    const own = shares[index] ?? [];
    const others = files.length - own.length;
    if (others > 0) console.log(`${others} of ${files.length} files are left to other Nodes: see --within`);
    const results = await runAll(node, own, counts);
    for (const { file, seconds } of results) lengths.set(file, seconds);
    keepLengths(ROOT, lengths, options.record);
    failed += results.reduce((sum, result) => sum + result.failed, 0);
  }
  return failed === 0 ? 0 : 1;
}

try {
  spreadTempDirs();
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
