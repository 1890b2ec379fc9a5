import { TsimgError } from '../../errors.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { TOOL_ENV } from '../facts/tools.ts';

/** The longest run of a tool: milliseconds. None of them waits for anything. */
const TIMEOUT = 30_000;

/** Runs a program of the host that may fail; returns whether it succeeded. Its error output is dropped. */
export async function tryTool(path: string, args: readonly string[], input?: string): Promise<boolean> {
  return (await runCommand(path, args, { env: TOOL_ENV, input, timeout: TIMEOUT })).status === 0;
}

/** Runs a program of the host that must not fail. @throws LAUNCH_FAILED with its error output */
export async function runTool(path: string, args: readonly string[], input?: string): Promise<void> {
  const { status, signal, stdout, stderr } = await runCommand(path, args, { env: TOOL_ENV, input, timeout: TIMEOUT });
  if (status === 0) return;
  const complaint = stderr.toString('utf8').trim() || stdout.toString('utf8').trim();
  throw new TsimgError('LAUNCH_FAILED', 'the network could not be made', {
    where: [path, ...args].join(' '),
    why: complaint || `ended with ${signal ?? `status ${status}`}`,
    hint: 'tsimg doctor says what this host can do; --network none does without',
  });
}
