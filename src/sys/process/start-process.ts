import { type ChildProcess, type IOType, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';

export interface StartOptions {
  /** What becomes of descriptors 0, 1, …: nothing (/dev/null), a stream of ours, or a descriptor of ours by number. */
  readonly descriptors: readonly (Extract<IOType, 'ignore' | 'pipe' | 'inherit'> | number)[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** In a session of its own: signals of the caller's terminal do not reach it. */
  readonly ownSession: boolean;
}

/** How a process ended: one of the two is null. */
export interface ProcessEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that runs beside us. */
export interface StartedProcess {
  readonly pid: number;
  /** Resolves when it is gone; never fails. Whoever started it waits for it: until then it may be left as a zombie. */
  readonly ended: Promise<ProcessEnd>;
  /** Our end of a `pipe` descriptor. */
  stream(descriptor: number): Duplex;
  kill(signal: NodeJS.Signals): void;
  /** Lets this process end before it. */
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
