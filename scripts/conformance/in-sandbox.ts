import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { readLines } from '../../src/host/stdio/read-messages.ts';
import type { CaseResult } from './run-case.ts';

const WORKER = join(import.meta.dirname, 'worker.js');
const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** The time limit of a whole run, in milliseconds. */
const RUN_TIMEOUT = 20 * 60_000;

/**
 * Runs a tool on cases (all, unless some are named) in namespaces of its own, without a network, in which only the
 * sandbox can be written. Needs root and Linux 5.12. Calls `onResult` with each result as it comes, and returns all of
 * them.
 * @throws Error when the sandbox cannot be made
 */
export async function runInSandbox(
  tool: string,
  cases: readonly string[] = [],
  onResult: (result: CaseResult) => void = () => {},
): Promise<readonly CaseResult[]> {
  const args = [...NAMESPACES, '--net', '--ipc', '--uts', '--', process.execPath, WORKER, tool, ...cases];
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_TIMEOUT });
  let complaints = '';
  child.stderr.on('data', (chunk) => (complaints += chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  ended.catch(() => {});
  const results: CaseResult[] = [];
  for await (const line of readLines(child.stdout)) {
    const result: CaseResult = JSON.parse(line);
    results.push(result);
    onResult(result);
  }
  const status = await ended;
  if (status !== 0) throw new Error(`the sandbox ended with ${status}: ${complaints.trim().slice(-2000)}`);
  return results;
}
