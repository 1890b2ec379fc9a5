import { PassThrough, Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { TsimgError } from '../../errors.ts';
import type { ExecRequest } from '../../launch/plan/plan-exec.ts';
import { parseSignal } from '../../linux/signals.ts';
import { isSignalName } from '../../sys/process/signal-name.ts';
import { execInContainer } from '../../verbs/run/exec-container.ts';
import { type Checks, checkCommand, checkOptions, flag, text, textOrNumber } from '../options/check-options.ts';
import { CONTAINER_CHECKS } from '../options/container-checks.ts';
import type { CommandOptions } from '../options/container-options.ts';
import { containerRequest } from '../options/container-request.ts';
import { CAPTURE_CHECKS, type CaptureOptions, type CommandResult, capture, type OutputEncoding } from './capture.ts';
import type { ContainerPlace } from './place.ts';

/** The settings of a command in a running container; the others are those of the container's own command. */
export interface ExecSettings extends Pick<CommandOptions, 'env' | 'envFiles' | 'workdir' | 'user'> {
  /** All capabilities of the caller, and no filter of system calls. Default false. */
  readonly privileged?: boolean | undefined;
  /** An image whose files the command sees, with the container's at `/container`. */
  readonly toolbox?: string | undefined;
}

/** How {@link Container.exec} runs a command. */
export interface ExecOptions<Encoding extends OutputEncoding = 'utf8'> extends ExecSettings, CaptureOptions<Encoding> {}

/** How {@link Container.spawn} starts a command. */
export interface SpawnOptions extends ExecSettings {
  /** An abort kills the command; `exitCode` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const SETTING_CHECKS: Checks<ExecSettings> = {
  env: CONTAINER_CHECKS.env,
  envFiles: CONTAINER_CHECKS.envFiles,
  workdir: CONTAINER_CHECKS.workdir,
  user: CONTAINER_CHECKS.user,
  privileged: flag,
  toolbox: text,
};
/** The checks of {@link ExecOptions}. */
export const EXEC_CHECKS: Checks<ExecOptions> = { ...SETTING_CHECKS, ...CAPTURE_CHECKS };
const SPAWN_CHECKS: Checks<SpawnOptions> = { ...SETTING_CHECKS, signal: CAPTURE_CHECKS.signal };

/** A command that runs in a container, with its streams. */
export interface RunningCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Resolves with the status when the command has ended. Its output must be read: a command waits while `stdout` or
   * `stderr` is full. @throws as {@link Container.exec}
   */
  readonly exitCode: Promise<number>;
  /**
   * Sends a signal, a name or a number, to the command; one that comes before the command runs is sent then. Default
   * SIGTERM. @throws USAGE
   */
  kill(signal?: string | number): void;
  /** The same streams as those of the web. */
  toWeb(): WebStreams;
}

/** The streams of a command as streams of the web. */
export interface WebStreams {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
}

/** The name of a signal that Node can send. @throws USAGE */
function signalName(given: string | number): NodeJS.Signals {
  textOrNumber('signal', given);
  const { name } = parseSignal(String(given));
  if (isSignalName(name)) return name;
  throw new TsimgError('USAGE', 'not a signal that a command gets', {
    where: name,
    hint: 'one such as TERM or SIGUSR1, none of the real-time ones',
  });
}

function execRequest(command: readonly string[], settings: ExecSettings, interactive: boolean): ExecRequest {
  const { env, envFiles, workdir, user, privileged, toolbox } = settings;
  const {
    env: list = [],
    envFiles: files = [],
    ...named
  } = containerRequest(command, { env, envFiles, workdir, user });
  return {
    command,
    interactive,
    terminal: false,
    detached: false,
    env: list,
    envFiles: files,
    workdir: named.workdir,
    user: named.user,
    privileged,
    toolbox,
  };
}

/** Runs a command in a container and waits for its end. @throws as {@link Container.exec} */
export async function execCaptured(
  id: string,
  command: readonly string[],
  { stateRoot, root }: ContainerPlace,
  options: ExecOptions<OutputEncoding>,
): Promise<CommandResult<string | Buffer>> {
  checkCommand(command, 1);
  checkOptions('exec', options, EXEC_CHECKS);
  return await capture(options, ({ streams, interactive, signal, onStarted }) => {
    // An image of tools may have to be pulled first.
    if (options.toolbox === undefined) onStarted();
    const context = { stateRoot, root, signal, streams, onStarted };
    return execInContainer(id, execRequest(command, options, interactive), context);
  });
}

/** Starts a command in a container, with streams of its own. @throws USAGE */
export function spawnIn(
  id: string,
  command: readonly string[],
  { stateRoot, root }: ContainerPlace,
  options: SpawnOptions,
): RunningCommand {
  checkCommand(command, 1);
  checkOptions('spawn', options, SPAWN_CHECKS);
  const { signal, ...settings } = options;
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const listeners = new Set<(name: NodeJS.Signals) => void>();
  /** Signals that came before anything listened. */
  const early: NodeJS.Signals[] = [];
  let isEarly = true;
  const signals = {
    listen(deliver: (name: NodeJS.Signals) => void) {
      listeners.add(deliver);
      isEarly = false;
      for (const name of early.splice(0)) deliver(name);
      return { [Symbol.dispose]: () => void listeners.delete(deliver) };
    },
  };
  const context = { stateRoot, root, signal, signals, streams: { stdin, stdout, stderr } };
  const exitCode = execInContainer(id, execRequest(command, settings, true), context)
    .catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    })
    .finally(() => {
      stdin.destroy();
      stdout.end();
      stderr.end();
    });
  // The caller may wait for the streams first.
  exitCode.catch(() => {});
  // Input after the command's end goes nowhere.
  stdin.on('error', () => {});
  return {
    stdin,
    stdout,
    stderr,
    exitCode,
    kill(given = 'SIGTERM') {
      const name = signalName(given);
      if (isEarly) early.push(name);
      for (const deliver of listeners) deliver(name);
    },
    toWeb: () => ({
      stdin: Writable.toWeb(stdin),
      stdout: Readable.toWeb(stdout),
      stderr: Readable.toWeb(stderr),
    }),
  };
}
