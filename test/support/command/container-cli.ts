import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { OrdinaryUser } from '../host/ordinary-user.ts';
import { tempDir } from '../temp-dir.ts';
import { compiledCode } from './compiled-code.ts';
import type { CallResult } from './resident-command.ts';
import { MAIN, tsimg } from './tsimg.ts';

/** The built command with containers of its own, which are removed at the end, also when a test fails. */
export interface ContainerCli {
  /** The folder of the containers' directories. */
  readonly folder: string;
  run(...args: readonly string[]): CallResult;
  /** Runs commands one after the other. */
  runEach(calls: readonly (readonly string[])[]): readonly CallResult[];
  /** Runs a command that must succeed, and returns its output without the last line feed. */
  ok(...args: readonly string[]): string;
  /** Starts a command in the background; it is killed at the end. */
  start(...args: readonly string[]): ChildProcess;
  /** Returns one field of `inspect`. */
  field(container: string, path: string): string;
  /** Returns the IDs of all directories of containers. */
  directories(): readonly string[];
  /** Removes all containers. */
  clear(): void;
}

/** Waits until a condition holds, for a minute at most. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > end) assert.unreachable(`it never came about: ${what}`);
    await sleep(50);
  }
}

/** Whether a process has ended. A zombie, whose status was not read yet, has. */
export function isGone(pid: string): boolean {
  try {
    return /^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return true;
  }
}

export function makeContainerCli(user: OrdinaryUser | undefined): ContainerCli {
  const root = join(tempDir(0o755), 'state');
  mkdirSync(root, { mode: 0o700 });
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  const folder = join(root, 'containers');
  const env = { TSIMG_ROOT: root };
  const started: ChildProcess[] = [];
  const run = (...args: readonly string[]) => tsimg(args, { env, ...(user && { user }) });
  const ok = (...args: readonly string[]) => {
    const { status, stdout, stderr } = run(...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout.replace(/\n$/, '');
  };
  const directories = () =>
    (existsSync(folder) ? readdirSync(folder) : []).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const clear = () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    const ids = directories();
    if (ids.length > 0) run('rm', '-f', ...ids);
  };
  // Containers must end before their folder is removed.
  process.prependListener('exit', clear);
  return {
    folder,
    run,
    runEach: (calls) => calls.map((call) => run(...call)),
    ok,
    clear,
    start(...args) {
      const child = spawn(process.execPath, ['--', MAIN, ...args], {
        env: { PATH: process.env.PATH ?? '', ...compiledCode(user), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(user && { uid: user.uid, gid: user.gid }),
      });
      started.push(child);
      return child;
    },
    field: (container, path) => ok('inspect', '--type', 'container', '-f', `{{${path}}}`, container),
    directories,
  };
}
