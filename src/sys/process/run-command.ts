import { spawn } from 'node:child_process';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';

export interface CommandOptions {
  /** Written to its standard input, which is closed then; without it, standard input is /dev/null. */
  readonly input?: string | Uint8Array | undefined;
  /** Its whole environment; default: the environment of tsimg. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** Milliseconds after which the program is killed; unlimited when absent. */
  readonly timeout?: number | undefined;
  /** The most bytes that the program may write to standard output, and to standard error. Default 1 MiB. */
  readonly maxOutput?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CommandResult {
  /** The exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const MAX_OUTPUT = 1024 * 1024;

/**
 * Runs a program to its end, without a shell, and collects its output. A status other than 0 is a result, not an error.
 * @throws SYSTEM_CALL when it cannot be started (`facts.errno`, such as ENOENT) or takes too long (ETIMEDOUT);
 *   LIMIT_EXCEEDED when it writes more than `maxOutput`; an AbortError on `signal`
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, env, cwd, timeout, maxOutput = MAX_OUTPUT, signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...(env ?? process.env) },
      cwd,
      stdio: 'pipe',
      signal,
      killSignal: 'SIGKILL',
    });
    let failure: Error | undefined;
    let timer: NodeJS.Timeout | undefined;
    const stop = (error: Error) => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const collect = (stream: NodeJS.ReadableStream): Buffer[] => {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxOutput) chunks.push(chunk);
        else stop(new TsimgError('LIMIT_EXCEEDED', 'a program writes too much', { where: file, facts: { maxOutput } }));
      });
      return chunks;
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    // A program may end without reading its input: its status tells what that means, not the EPIPE of this process
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    if (timeout !== undefined) {
      timer = setTimeout(() => {
        const facts = { errno: 'ETIMEDOUT', timeout };
        stop(
          new TsimgError('SYSTEM_CALL', 'a program does not end', {
            where: file,
            why: `killed after ${timeout} ms`,
            facts,
          }),
        );
      }, timeout);
    }
    child.on('error', (cause) => {
      clearTimeout(timer);
      if (cause.name === 'AbortError') return reject(cause);
      const errno = errnoOf(cause) ?? 'unknown';
      reject(
        new TsimgError('SYSTEM_CALL', 'cannot start a program', {
          where: file,
          why: messageOf(cause),
          facts: { errno },
          cause,
        }),
      );
    });
    child.on('close', (status, endedBy) => {
      clearTimeout(timer);
      if (failure !== undefined) return reject(failure);
      resolve({ status, signal: endedBy, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
  });
}
