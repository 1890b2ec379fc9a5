import { type ChildProcess, type IOType, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';

export interface StartOptions {
  /**
   * The descriptors 0, 1, … of the program: nothing (/dev/null), a stream of this process, or a descriptor of it by
   * number.
   */
  readonly descriptors: readonly (Extract<IOType, 'ignore' | 'pipe' | 'inherit'> | number)[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Whether it gets a session of its own: signals of the terminal of the caller do not reach it then. */
  readonly ownSession: boolean;
}

/** The end of a process: one of the two is null. */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process. */
export interface StartedProcess {
  readonly pid: number;
  /** Resolves when it has ended; never fails. Without it the process may stay as a zombie. */
  readonly ended: Promise<ProcessEnd>;
  /** The end of a `pipe` descriptor in this process. */
  stream(descriptor: number): Duplex;
  kill(signal: NodeJS.Signals): void;
  /** Lets this process end before the started one. */
  release(): void;
}

/** Starts a program without a shell. @throws SYSTEM_CALL with `facts.errno` when that is not possible */
export async function startProcess(
  file: string,
  args: readonly string[],
  options: StartOptions,
): Promise<StartedProcess> {
  const child: ChildProcess = spawn(file, args, {
    stdio: [...options.descriptors],
    env: options.env,
    cwd: options.cwd,
    detached: options.ownSession,
  });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (status, signal) => resolve({ status, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const facts = { errno: errnoOf(cause) ?? 'unknown' };
      reject(
        new TsimgError('SYSTEM_CALL', 'cannot start a program', { where: file, why: messageOf(cause), facts, cause }),
      );
    });
  });
  const { pid } = child;
  if (pid === undefined) throw new TsimgError('SYSTEM_CALL', 'cannot start a program', { where: file });
  return {
    pid,
    ended,
    stream(descriptor) {
      const stream = child.stdio[descriptor];
      if (stream instanceof Duplex) return stream;
      throw new RangeError(`descriptor ${descriptor} is no pipe`);
    },
    kill: (signal) => void child.kill(signal),
    release: () => child.unref(),
  };
}
