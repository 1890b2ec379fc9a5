import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCgroups } from '../../../src/host/cgroup/cgroup.ts';
import { cgroupsOf, probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import type { CgroupFacts } from '../../../src/launch/facts/cgroup-facts.ts';
import { startContainer } from '../../support/container/container.ts';
import { defineCpusetTests } from '../../support/container/cpuset-tests.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('host/cgroup/cgroup as root');
const asUser = suite('host/cgroup/cgroup as an ordinary user');

const facts: CgroupFacts = probeCgroups();

/** Whether limits of these controllers are possible here; prints the missing ones. */
function canLimit(...controllers: readonly string[]): boolean {
  const given = new Set([
    ...facts.v1.filter(({ writable }) => writable).flatMap((each) => each.controllers),
    ...facts.v2.filter(({ writable, occupied }) => writable && !occupied).flatMap((each) => each.controllers),
  ]);
  const missing = controllers.filter((name) => !given.has(name));
  if (missing.length > 0) console.log(`skipped: needs the cgroup controllers ${missing.join(', ')}`);
  return missing.length === 0;
}

/** The cgroups of a container, by its host name, which is the start of its ID. */
function directoriesOf(id: string): readonly string[] {
  return [...facts.v1, ...facts.v2].flatMap(({ directory }) => {
    const folder = join(directory, 'tsimg');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.filter((name) => name.startsWith(id)).map((name) => join(folder, name));
  });
}

/** The processes in these cgroups and their children. */
function processesOf(id: string): string {
  return directoriesOf(id)
    .flatMap((directory) => [directory, join(directory, 'container')])
    .filter(existsSync)
    .map((directory) => readFileSync(join(directory, 'cgroup.procs'), 'latin1'))
    .join('');
}

async function startSleeper(rootfs: string): Promise<{ readonly child: ChildProcess; readonly id: string }> {
  const child = startContainer({ rootfs, request: { command: ['/bin/sh', '-c', 'hostname; exec sleep 10000'] } });
  const id = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', () => reject(new Error('it ended')));
  });
  return { child, id };
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it does not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

defineRuns(asRoot, asUser, (test, { sh, user, rootfs }) => {
  const mayLimit = (...controllers: readonly string[]) => user === undefined && canLimit(...controllers);

  if (mayLimit('memory')) {
    test('a memory hog dies at its limit, with 137 and a message', async () => {
      const { status, stderr } = await sh('x=aaaaaaaa; while :; do x=$x$x; done', { resources: { memory: '8m' } });
      assert.is(status, 137);
      assert.match(stderr, '"kind":"out-of-memory"');
    });

    test('a child that uses up the memory is reported too, and the command goes on', async () => {
      const hog = '(x=aaaaaaaa; while :; do x=$x$x; done) 2>/dev/null; echo $?';
      const { status, stdout, stderr } = await sh(hog, { resources: { memory: '8m' } });
      assert.equal([status, stdout], [0, '137\n']);
      assert.match(stderr, '"kind":"out-of-memory"');
    });

    test('a command starts with less memory than Node needs, and without a message about memory', async () => {
      const { status, stdout, stderr } = await sh('echo here', { resources: { memory: '1m' } });
      assert.equal([status, stdout, stderr], [0, 'here\n', '']);
    });
  }

  if (mayLimit('pids')) {
    test('a fork bomb stops at the limit of processes', async () => {
      const bomb = 'n=0; while [ $n -lt 30 ]; do sleep 5 & n=$((n+1)); done; echo all';
      const { status, stdout, stderr } = await sh(bomb, { resources: { pidsLimit: '8' } });
      assert.not.match(stdout, 'all');
      assert.is.not(status, 0);
      assert.match(stderr, "can't fork");
    });

    test('a single process is enough for a command', async () => {
      const { status, stdout } = await sh('echo alone', { resources: { pidsLimit: '1' } });
      assert.equal([status, stdout], [0, 'alone\n']);
    });

    test('the default limit is 2048 processes', async () => {
      const { stdout } = await sh('cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null');
      assert.is(stdout, '2048\n');
    });
  }

  if (mayLimit('cpu')) {
    test('a busy loop gets its share of a processor and no more', async () => {
      const busy =
        'cut -d " " -f 1 /proc/uptime; { while :; do :; done; } & sleep 2; kill $!; wait; cat /proc/1/stat; ' +
        'cut -d " " -f 1 /proc/uptime';
      const { stdout } = await sh(busy, { resources: { cpus: '0.3' } });
      // cutime and cstime: clock ticks of 10 ms, of children that were waited for.
      const fields = stdout.split(') ')[1]?.split(' ') ?? [];
      const seconds = (Number(fields[13]) + Number(fields[14])) / 100;
      const lines = stdout.trim().split('\n');
      const length = Number(lines.at(-1)) - Number(lines[0]);
      // On a busy machine it gets less, and the two seconds are longer.
      assert.is(seconds > 0.02 && seconds < 0.6 * length, true, `${seconds} of ${length} seconds`);
    });
  }

  if (mayLimit('cpuset')) defineCpusetTests(test, sh);

  if (mayLimit('memory', 'pids')) {
    test('a container sees its own cgroups as the root cgroups, and cannot change them', async () => {
      const script =
        'cat /proc/self/cgroup; grep -c " /sys/fs/cgroup" /proc/self/mountinfo; ' +
        'mkdir /sys/fs/cgroup/own /sys/fs/cgroup/pids/own';
      const { stdout, stderr, status } = await sh(script, { resources: { memory: '64m', pidsLimit: '32' } });
      assert.is.not(status, 0);
      const lines = stdout.trim().split('\n');
      assert.is(Number(lines.at(-1)) > 0, true);
      for (const line of lines.slice(0, -1)) assert.match(line, /^[0-9]+:[^:]*:\/$/);
      assert.match(stderr, 'Read-only file system');
    });

    test('the next run removes the cgroups of a killed tsimg, and no cgroup in use', async () => {
      const doomed = await startSleeper(rootfs);
      const other = await startSleeper(rootfs);
      try {
        assert.is(directoriesOf(doomed.id).length > 0, true);
        doomed.child.kill('SIGKILL');
        // The container dies with its tsimg, but a moment later. Runs of other tests may remove its cgroup first.
        await until(() => processesOf(doomed.id) === '');
        assert.is((await sh('true')).status, 0);
        assert.equal(directoriesOf(doomed.id), []);
        assert.is(directoriesOf(other.id).length > 0, true);
        assert.is.not(processesOf(other.id), '');
      } finally {
        doomed.child.kill('SIGKILL');
        other.child.kill('SIGKILL');
        await until(() => processesOf(other.id) === '');
        await sh('true');
      }
    });
  }

  if (user !== undefined && facts.v1.some(({ controllers }) => controllers.includes('memory'))) {
    test('without delegation, a user’s limit is a clear error, and a run without limits works', async () => {
      const { status, stderr } = await sh('true', { resources: { memory: '64m' } });
      assert.is(status, 125);
      assert.match(stderr, 'HOST_UNSUPPORTED');
      assert.match(stderr, '--memory');
      assert.match(stderr, 'delegated');
      assert.is((await sh('true')).status, 0);
      assert.is((await sh('true', { resources: { pidsLimit: '-1' } })).status, 0);
    });
  }

  test('nothing is left of a container’s cgroups when it ends', async () => {
    const { status, stdout } = await sh('hostname; exit 3', {
      resources: user === undefined ? { pidsLimit: '9' } : {},
    });
    assert.is(status, 3);
    assert.equal(directoriesOf(stdout.trim()), []);
  });
});

const own = suite('host/cgroup/cgroup');

own('this process’s cgroups are found where it has some', () => {
  for (const [name, directory] of cgroupsOf(process.pid)) {
    const list = readFileSync(join(directory, 'cgroup.procs'), 'latin1').split('\n');
    assert.is(list.includes(String(process.pid)), true, name);
  }
});

own('a cgroup that others make and remove in the same moment is no failure of the host', async () => {
  const base = tempDir();
  const script = `
    const { mkdirSync, rmdirSync } = require('node:fs');
    const { workerData } = require('node:worker_threads');
    for (;;) for (const act of [mkdirSync, rmdirSync]) try { act(workerData); } catch {}`;
  const other = new Worker(script, { eval: true, workerData: join(base, 'tsimg', 'id') });
  try {
    await once(other, 'online');
    const none = { version: 1, base, id: 'id', controllers: [], inherit: [], limits: [], required: true } as const;
    for (let time = 0; time < 40; time += 1) {
      const made = await makeCgroups([{ ...none, devices: undefined }]).catch(String);
      // The other one may win each time; that is told in other words.
      if (typeof made === 'string') assert.not.match(made, 'something is there already');
      else await made[Symbol.asyncDispose]();
    }
  } finally {
    await other.terminate();
  }
});

own.run();
asRoot.run();
asUser.run();
