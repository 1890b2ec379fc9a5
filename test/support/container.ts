import { type ChildProcess, type SpawnOptions, type StdioOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { compiledCode } from './compiled-code.ts';
import type { OrdinaryUser } from './ordinary-user.ts';
import type { ContainerRequest } from './run-container.ts';
import { stateRootOf } from './state-root.ts';
import { findTool } from './tools.ts';
import { BUILT, COMMAND_VARIABLE, MAIN } from './tsimg.ts';

/** Names the published command for the runner. */
const COMMAND = MAIN === BUILT ? {} : { [COMMAND_VARIABLE]: MAIN };
const RUNNER = join(import.meta.dirname, 'run-container.js');

export interface ContainerOptions {
  /** The user to run as; root when absent. */
  readonly user?: OrdinaryUser | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly stdio?: StdioOptions;
  /** The cgroup of version 2 that the process joins before it becomes the user's. */
  readonly cgroup?: string;
}

export interface ContainerResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a process that runs one container, with the user's own groups only. */
export function startContainer(what: ContainerRequest, options: ContainerOptions = {}): ChildProcess {
  const { user, env, stdio = 'pipe', cgroup } = options;
  const spawnOptions: SpawnOptions = {
    stdio,
    env: { PATH: process.env.PATH ?? '', TSIMG_ROOT: stateRootOf(user), ...COMMAND, ...compiledCode(user), ...env },
    cwd: '/',
  };
  const node = [process.execPath, RUNNER, JSON.stringify(what)];
  const become =
    user === undefined
      ? []
      : [findTool('setpriv') ?? 'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
  const enter = cgroup === undefined ? [] : ['sh', '-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', cgroup];
  const [program = '', ...args] = [...enter, ...become, ...node];
  return spawn(program, args, spawnOptions);
}

/** Runs one container to its end. */
export async function runInContainer(what: ContainerRequest, options: ContainerOptions = {}): Promise<ContainerResult> {
  const child = startContainer(what, options);
  const { stdout, stderr, stdin } = child;
  if (stdout === null || stderr === null || stdin === null) throw new Error('its streams must be pipes');
  stdin.on('error', () => {});
  stdin.end(options.input ?? '');
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => resolve([status, signal]));
  });
  const [out, err, [status, signal]] = await Promise.all([text(stdout), text(stderr), ended]);
  return { status, signal, stdout: out, stderr: err };
}
