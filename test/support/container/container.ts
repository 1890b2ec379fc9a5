import { type ChildProcess, type SpawnOptions, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { compiledCode } from '../command/compiled-code.ts';
import {
  type Ends,
  IS_IN_MACHINE,
  isCallingAlone,
  letRunBeside,
  MANY,
  openOutput,
  REPLIES,
  REQUESTS,
  readNew,
  watchBeside,
} from '../command/resident-command.ts';
import { stateRootOf } from '../command/state-root.ts';
import { BUILT, COMMAND_VARIABLE, MAIN } from '../command/tsimg.ts';
import type { OrdinaryUser } from '../host/ordinary-user.ts';
import { tempDir } from '../temp-dir.ts';
import { findTool } from '../tools.ts';
import type { ContainerRequest } from './run-container.ts';

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
  readonly cgroup?: string | undefined;
}

export interface ContainerResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a process that runs one container, with the user's own groups only. */
export function startContainer(what: ContainerRequest, options: ContainerOptions = {}): ChildProcess {
  return startProgram(JSON.stringify(what), options);
}

function startProgram(argument: string, options: ContainerOptions): ChildProcess {
  const { user, env, stdio = 'pipe', cgroup } = options;
  const spawnOptions: SpawnOptions = {
    stdio,
    env: { PATH: process.env.PATH ?? '', TSIMG_ROOT: stateRootOf(user), ...COMMAND, ...compiledCode(user), ...env },
    cwd: '/',
  };
  const node = [process.execPath, RUNNER, argument];
  const become =
    user === undefined
      ? []
      : [findTool('setpriv') ?? 'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
  const enter = cgroup === undefined ? [] : ['sh', '-c', 'echo 0 >"$0/cgroup.procs" && exec "$@"', cgroup];
  const [program = '', ...args] = [...enter, ...become, ...node];
  return spawn(program, args, spawnOptions);
}

/** A process that runs containers of one user, one after the other. */
interface Runner {
  readonly child: ChildProcess;
  readonly output: readonly [stdout: Ends, stderr: Ends];
  isBusy: boolean;
}

/** By user and cgroup, those whose first container was run by a process of its own. */
const runners = new Map<string, Runner | undefined>();

function startRunner(place: Pick<ContainerOptions, 'user' | 'cgroup'>): Runner {
  const folder = tempDir();
  const output = [openOutput(join(folder, 'stdout')), openOutput(join(folder, 'stderr'))] as const;
  const [stdout, stderr] = output;
  const child = startProgram(MANY, { ...place, stdio: ['ignore', stdout.writer, stderr.writer, 'pipe', 'pipe'] });
  for (const { writer } of output) closeSync(writer);
  return { child, output, isBusy: false };
}

/** Runs a container in a process that stays, and is none of what keeps this one from its end. */
async function runInRunner({ child, output: [stdout, stderr] }: Runner, what: ContainerRequest) {
  const [requests, replies] = [child.stdio[REQUESTS], child.stdio[REPLIES]];
  if (!(requests instanceof Socket && replies instanceof Socket)) throw new Error('its pipes must be sockets');
  const parts = [child, requests, replies];
  for (const part of parts) part.ref();
  watchBeside(child);
  const replied = once(replies, 'data');
  requests.write(`${JSON.stringify(what)}\n`);
  const [reply] = await replied;
  for (const part of parts) part.unref();
  letRunBeside(child);
  return {
    status: Number(String(reply)),
    signal: null,
    stdout: readNew(stdout.reader),
    stderr: readNew(stderr.reader),
  };
}

/**
 * Runs one container to its end. The first one of a user is run by a process of its own, but not in a machine; later
 * ones by one that stays, unless it runs one already, or the options are about the process.
 */
export async function runInContainer(what: ContainerRequest, options: ContainerOptions = {}): Promise<ContainerResult> {
  const { user, cgroup, ...ofProcess } = options;
  const key = `${user?.uid} ${cgroup}`;
  const { interactive, terminal } = what.request;
  if (isCallingAlone() || Object.keys(ofProcess).length > 0 || interactive || terminal)
    return await runAlone(what, options);
  if (!runners.has(key) && !IS_IN_MACHINE) {
    runners.set(key, undefined);
    return await runAlone(what, options);
  }
  const runner = runners.get(key) ?? startRunner({ user, cgroup });
  runners.set(key, runner);
  if (runner.isBusy) return await runAlone(what, options);
  runner.isBusy = true;
  try {
    return await runInRunner(runner, what);
  } finally {
    runner.isBusy = false;
    // The next container gets another one
    if (runner.child.exitCode !== null || runner.child.signalCode !== null) runners.set(key, undefined);
  }
}

async function runAlone(what: ContainerRequest, options: ContainerOptions): Promise<ContainerResult> {
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
