import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { FuzzOptions } from './fuzz-target.ts';
import { decodeReport, type FullReport } from './report.ts';
import type { Target } from './target.ts';

const WORKER = join(import.meta.dirname, 'worker.js');
/** Namespaces in which only memory can be written, no other process is seen, and no network is reached. */
const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc', '--net'];

/**
 * Fuzzes a target in a process of its own, so that a target that hangs or dies ends only this process. A target that
 * needs a sandbox gets namespaces too. @throws Error where the process fails, with the iteration that hung
 */
export async function fuzzInProcess(
  target: Target,
  options: Pick<FuzzOptions, 'seed' | 'from' | 'iterations' | 'milliseconds'>,
): Promise<FullReport> {
  const program = [process.execPath, WORKER, target.name, JSON.stringify(options)];
  const [file = '', ...args] = target.sandboxed === true ? ['unshare', ...NAMESPACES, '--', ...program] : program;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [output, complaints, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  process.removeListener('exit', stop);
  if (status !== 0) throw new Error(`${target.name} ended with ${status}: ${complaints.trim().slice(-2000)}`);
  return decodeReport(output);
}
