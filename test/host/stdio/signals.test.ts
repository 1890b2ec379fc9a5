import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startContainer } from '../../support/container/container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

function exitOf(child: ChildProcess): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => child.once('exit', (status, signal) => resolve({ status, signal })));
}

/** Resolves when the container has printed a text. */
async function printed(child: ChildProcess, text: string): Promise<void> {
  let all = '';
  for await (const chunk of child.stdout ?? []) {
    all += chunk;
    if (all.includes(text)) return;
  }
  throw new Error(`it ended without printing ${text}: ${all}`);
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The status of a process; '' where it has ended. */
function statusOf({ pid }: ChildProcess): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** Waits until a process has taken a signal: until then, the kernel merges it with another one of the same kind. */
async function taken(child: ChildProcess, name: NodeJS.Signals): Promise<void> {
  const bit = BigInt(constants.signals[name] - 1);
  for (let tries = 0; tries < 1000; tries += 1) {
    const pending = ['SigPnd', 'ShdPnd'].map((mask) =>
      BigInt(`0x${new RegExp(`^${mask}:\\t([0-9a-f]+)$`, 'm').exec(statusOf(child))?.[1] ?? '0'}`),
    );
    if (pending.every((mask) => ((mask >> bit) & 1n) === 0n)) return;
    await delay(20);
  }
  throw new Error(`${name} was not taken`);
}

/** The host PID of the container's first process, a grandchild of tsimg. */
function containerProcess(child: ChildProcess): number {
  let pid = child.pid ?? -1;
  for (;;) {
    const [next] = childrenOf(pid);
    if (next === undefined) throw new Error('there is no container');
    pid = next;
    if (/^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return pid;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await delay(20);
  }
  return false;
}

const asRoot = suite('host/stdio/signals as root');
const asUser = suite('host/stdio/signals as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const start = (script: string) =>
    startContainer(
      { rootfs, request: { command: ['/bin/sh', '-c', script] } },
      { user, stdio: ['ignore', 'pipe', 'inherit'] },
    );
  const waiting = 'echo up; while :; do sleep 0.05; done';

  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
    test(`${name} is passed on to the command, whose exit status counts`, async () => {
      const child = start(`trap 'exit 42' ${name.slice(3)}; ${waiting}`);
      await printed(child, 'up');
      child.kill(name);
      assert.equal(await exitOf(child), { status: 42, signal: null });
    });
  }

  test('a command that ignores every request to end is killed at the third', async () => {
    const child = start(`trap '' INT TERM; ${waiting}`);
    await printed(child, 'up');
    const exit = exitOf(child);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGINT'] as const) {
      child.kill(name);
      await taken(child, name);
    }
    assert.is((await exit).status, 137);
  });

  test('the status of a command that a signal killed is 128 plus the signal', async () => {
    const child = start(waiting);
    await printed(child, 'up');
    const ended = exitOf(child);
    process.kill(containerProcess(child), 'SIGKILL');
    assert.equal(await ended, { status: 137, signal: null });
  });

  test('a status of 143 that the command chose stays 143', async () => {
    const child = start(`trap 'exit 143' TERM; ${waiting}`);
    await printed(child, 'up');
    child.kill('SIGTERM');
    assert.equal(await exitOf(child), { status: 143, signal: null });
  });

  test('the container dies with tsimg, even by SIGKILL', async () => {
    const child = start(waiting);
    await printed(child, 'up');
    const container = containerProcess(child);
    child.kill('SIGKILL');
    assert.equal(await exitOf(child), { status: null, signal: 'SIGKILL' });
    assert.ok(await gone(container));
  });

  test('the container dies when the stub that made its namespaces is killed', async () => {
    const child = start(waiting);
    await printed(child, 'up');
    const container = containerProcess(child);
    const ended = exitOf(child);
    process.kill(childrenOf(child.pid ?? -1)[0] ?? -1, 'SIGKILL');
    assert.is((await ended).status, 137);
    assert.ok(await gone(container));
  });

  test('a command of another user dies with tsimg too: the death signal is set again', async () => {
    const child = startContainer(
      { rootfs, request: { command: ['/bin/sh', '-c', waiting], user: '7' } },
      { user, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await printed(child, 'up');
    const container = containerProcess(child);
    const ended = exitOf(child);
    process.kill(childrenOf(child.pid ?? -1)[0] ?? -1, 'SIGKILL');
    assert.is((await ended).status, 137);
    assert.ok(await gone(container));
  });

  test('background processes of the command end with it', async () => {
    const child = start('sleep 1000 & echo up; exit 5');
    const ended = exitOf(child);
    await printed(child, 'up');
    assert.equal(await ended, { status: 5, signal: null });
  });
});
asRoot.run();
asUser.run();
