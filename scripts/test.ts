import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { publish } from '../test/support/publish.ts';
import { missingPackages } from '../test/support/tools.ts';
import { COMMAND_VARIABLE } from '../test/support/tsimg.ts';
import { installNode, NODE_LINES } from './other-node.ts';

// Runs every test file in a process of its own, two at a time, and adds up what uvu reports. The command that they run is the one
// that is published.
// Usage: node dist/scripts/test.js [--no-install] [--node LINE|others] [PATTERN...]: only files whose path holds a pattern; with the
// newest Node of a line (`--node 24`), or with those of all lines but this Node's own in turn (`--node others`).

const ROOT = dirname(dirname(import.meta.dirname));
const TEST_DIR = join(ROOT, 'dist', 'test');
const CONCURRENCY = 2;
/** Begun first, so that none of them is left alone at the end. */
const LONGEST = [
  'host/cgroup2',
  'host/stub-watch',
  'verbs/changes/copy-files',
  'cli/container-killed',
  'verbs/changes/commit',
  'host/exec',
  'cli/verb/containers',
  'verbs/layers/sweep-unpacked',
  'cli/container-inspect',
  'cli/container-end',
  'conformance',
  'cli/compared-with-umoci',
  'host/network-bridge',
];
/** A file that takes longer than this hangs: milliseconds. */
const FILE_TIMEOUT = 600_000;

interface Result {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

/** Debian's packages for what is missing, where we may install them; what stays missing is told by the tests that need it. */
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

/** Where a file stands in the order in which they are begun. */
function rankOf(file: string): number {
  const rank = LONGEST.indexOf(file.replace(/\.test\.js$/, ''));
  return rank < 0 ? LONGEST.length : rank;
}

function sumOf(output: string, label: string): number {
  return [...output.matchAll(new RegExp(`^\\s+${label}:\\s+(\\d+)$`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
}

/** What a file says it cannot test here, each once; said by a test that runs, it stands behind the dots of those before. */
function skipLines(output: string): readonly string[] {
  return [...new Set(output.match(/\bskipped: needs .*$/gm) ?? [])];
}

function runFile(node: string, path: string): Promise<Result> {
  const started = Date.now();
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
    const child = spawn(node, [path], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => {
      output += `\nstopped after ${FILE_TIMEOUT / 1000} s\n`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, FILE_TIMEOUT);
    child.on('close', (code) => {
      clearTimeout(timer);
      const total = sumOf(output, 'Total');
      const passed = sumOf(output, 'Passed');
      const skips = skipLines(output);
      const left = sumOf(output, 'Skipped');
      const skipped = Math.max(left, skips.length);
      // A suite without .run() ends in silence and with status 0, and a test may be left out without a word: failures, not passes.
      const silent = total + skipped === 0 || (left > 0 && skips.length === 0);
      const failed = Math.max(total - passed, code !== 0 || silent ? 1 : 0);
      resolve({
        file: relative(TEST_DIR, path),
        passed,
        failed,
        skipped,
        seconds: (Date.now() - started) / 1000,
        output,
      });
    });
  });
}

function report(result: Result): void {
  const { file, passed, failed, skipped, seconds, output } = result;
  console.log(
    `${failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ''} (${seconds.toFixed(1)} s)`,
  );
  for (const line of skipLines(output)) console.log(`     ${line}`);
  if (failed > 0) console.log(output.replace(/^/gm, '     | '));
}

/** Runs all files with a Node; how many tests failed. */
async function runAll(node: string, files: readonly string[]): Promise<number> {
  const results: Result[] = [];
  const queue = [...files];
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const result = await runFile(node, file);
        results.push(result);
        report(result);
      }
    }),
  );
  const sum = (key: 'passed' | 'failed' | 'skipped') => results.reduce((total, result) => total + result[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed');
}

/** The Nodes to test with. @param line of `--node` */
function nodesFor(line: string | undefined): readonly string[] {
  if (line === undefined) return [process.execPath];
  const own = process.versions.node.split('.')[0];
  const lines = line === 'others' ? NODE_LINES.filter((each) => each !== own) : [line];
  return lines.map((each) => installNode(ROOT, each));
}

const { values: options, positionals: patterns } = parseArgs({
  options: { 'no-install': { type: 'boolean', default: false }, node: { type: 'string' } },
  allowPositionals: true,
});
if (!options['no-install']) installNeeds();
const files = readdirSync(TEST_DIR, { recursive: true, encoding: 'utf8' })
  .filter(
    (file) =>
      file.endsWith('.test.js') && (patterns.length === 0 || patterns.some((pattern) => file.includes(pattern))),
  )
  .sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
  .map((file) => join(TEST_DIR, file));
if (files.length === 0) {
  console.log('no test file matches');
  process.exit(1);
}

process.env[COMMAND_VARIABLE] = await publish();
let failed = 0;
for (const node of nodesFor(options.node)) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`Node ${version}`);
  failed += await runAll(node, files);
}
process.exit(failed === 0 ? 0 : 1);
