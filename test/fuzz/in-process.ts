import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { FuzzOptions } from './fuzz-target.ts';
import { decodeReport, type FullReport } from './report.ts';
import type { Target } from './target.ts';

const WORKER = join(import.meta.dirname, 'worker.js');
/** In which nothing but memory can be written, no process seen and no network reached. */
const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc', '--net'];

/**
 * Fuzzes a target in a process of its own, which one that hangs or dies takes along; in namespaces of its own where the target
 * asks for a sandbox. @throws Error when the process fails, with the iteration where it hung
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
