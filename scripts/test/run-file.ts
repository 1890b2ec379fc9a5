import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { CERTIFICATES_VARIABLE } from '../../test/support/command/npm-packages.ts';

/** A file that takes longer than this hangs: milliseconds. An emulated machine takes 8 minutes on a slow host. */
const FILE_TIMEOUT = 1_200_000;

/** What came of a test file. */
export interface Result {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

export interface RunOptions {
  /** Where the program is run, and the folder below which the names of files are. */
  readonly cwd: string;
  readonly testDir: string;
  /** Before the file, for Node. */
  readonly nodeOptions?: readonly string[];
}

function sumOf(output: string, label: string): number {
  return [...output.matchAll(new RegExp(`^\\s+${label}:\\s+(\\d+)$`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
}

/**
 * The lines in which a file says what it cannot test here, each once. Such a line may stand behind the dots that uvu
 * printed for earlier tests.
 */
function skipLines(output: string): readonly string[] {
  return [...new Set(output.match(/\bskipped: needs .*$/gm) ?? [])];
}

function resultOf(output: string, code: number | null): Pick<Result, 'passed' | 'failed' | 'skipped'> {
  const total = sumOf(output, 'Total');
  const passed = sumOf(output, 'Passed');
  const skips = skipLines(output);
  const left = sumOf(output, 'Skipped');
  const skipped = Math.max(left, skips.length);
  // A suite without .run() ends in silence and with status 0, and a test may be left out without a word: failures, not
  // passes.
  const silent = total + skipped === 0 || (left > 0 && skips.length === 0);
  return { passed, failed: Math.max(total - passed, code !== 0 || silent ? 1 : 0), skipped };
}

/** Runs a test file in a process of its own, and adds up what uvu reports. */
export function runFile(node: string, path: string, options: RunOptions): Promise<Result> {
  const started = Date.now();
  // Node reads these certificates whenever it starts, in 30 ms for a system's; tests bring their own, but for npm's
  const { NODE_EXTRA_CA_CERTS: certificates, ...inherited } = process.env;
  const env = { ...inherited, [CERTIFICATES_VARIABLE]: certificates, NO_COLOR: '1', FORCE_COLOR: '0' };
  return new Promise((resolve) => {
    const child = spawn(node, [...(options.nodeOptions ?? []), path], {
      cwd: options.cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    const add = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const timer = setTimeout(() => {
      output += `\nstopped after ${FILE_TIMEOUT / 1000} s\n`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, FILE_TIMEOUT);
    child.on('close', (code) => {
      clearTimeout(timer);
      const seconds = (Date.now() - started) / 1000;
      resolve({ file: relative(options.testDir, path), seconds, output, ...resultOf(output, code) });
    });
  });
}

/** Prints what came of a file; all that it wrote where it failed. */
export function report(result: Result): void {
  const { file, passed, failed, skipped, seconds, output } = result;
  const counts = `${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  console.log(`${failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${counts} (${seconds.toFixed(1)} s)`);
  for (const line of skipLines(output)) console.log(`     ${line}`);
  if (failed > 0) console.log(output.replace(/^/gm, '     | '));
}
