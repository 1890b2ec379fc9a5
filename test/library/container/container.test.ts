import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Container } from '../../../src/library/container/container.ts';
import { getContainer, listContainers } from '../../../src/library/container/find-container.ts';
import { runContainer } from '../../../src/library/container/run-container.ts';
import { type ReadyCheck, startContainer } from '../../../src/library/container/start-container.ts';
import {
  createVolume,
  inspectVolume,
  listVolumes,
  pruneVolumes,
  removeVolume,
} from '../../../src/library/host/volumes.ts';
import { watchEvents } from '../../../src/library/host/watch-events.ts';
import { ready as testReady } from '../../../src/library/testing/ready.ts';
import { acquireLock } from '../../../src/sys/file/lock.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { becomeWords, makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Run by root, this file starts itself again as an ordinary user.

const AS_USER = process.env.TSIMG_TEST_AS_USER === '1';
const test = suite(`library/container/container${AS_USER ? ', as an ordinary user' : ''}`);
const root = tempDir();
const options = { root, network: 'none' } as const;
const sh = (script: string) => ['/bin/sh', '-c', script];

if (AS_USER || canRunContainers()) {
  test('a run returns the status and the output, and leaves no container', async () => {
    const result = await runContainer(EXAMPLE_IMAGE, sh('cat; echo "$A" >&2; exit 3'), {
      ...options,
      env: { A: 'a b' },
      stdin: 'in',
      // No limits, and one that a timer of Node would take for none at all.
      maxOutput: Number.POSITIVE_INFINITY,
      timeout: 2 ** 40,
    });
    assert.equal(result, { exitCode: 3, stdout: 'in', stderr: 'a b\n', oomKilled: false });
    const { stdout } = await runContainer(EXAMPLE_IMAGE, ['printf', '\\377'], { ...options, encoding: 'buffer' });
    assert.equal(stdout, Buffer.from([0xff]));
    assert.equal(await listContainers({ root, all: true }), []);
  });

  test('streams of Node and of the web are input and output, and stay open', async () => {
    const web = new TransformStream<Uint8Array, Uint8Array>();
    const node = new PassThrough();
    const read = new Response(web.readable).text();
    for (const each of ['one', 'two']) {
      const stdin = new Response(each).body ?? '';
      const { stdout } = await runContainer(EXAMPLE_IMAGE, sh('cat; echo err >&2'), {
        ...options,
        stdin,
        stdout: web.writable,
        stderr: node,
      });
      assert.is(stdout, '');
    }
    const unread = new TransformStream<Uint8Array, Uint8Array>();
    const shared = { ...options, stdin: unread.readable, stdout: web.writable, stderr: web.writable };
    await runContainer(EXAMPLE_IMAGE, sh('echo three; sleep 0.1; echo four >&2'), shared);
    assert.equal([web.writable.locked, unread.readable.locked], [false, false]);
    await web.writable.close();
    node.end();
    assert.equal([await read, await text(node)], ['onetwothree\nfour\n', 'err\nerr\n']);
  });

  test('an abort kills the command and keeps its reason, also when it comes first', async () => {
    const reason = new RangeError('enough');
    const abort = new AbortController();
    const output = new PassThrough();
    output.once('data', () => abort.abort(reason));
    const running = runContainer(EXAMPLE_IMAGE, sh('echo up; sleep 1000'), {
      ...options,
      signal: abort.signal,
      stdout: output,
    });
    assert.is(await running.catch((error: unknown) => error), reason);
    const late = runContainer(EXAMPLE_IMAGE, ['true'], { ...options, signal: abort.signal });
    assert.is(await late.catch((error: unknown) => error), reason);
    assert.equal(await listContainers({ root, all: true }), []);
  });

  test('a command that writes or takes too much is killed, and the error has the end of its output', async () => {
    const full = await failureOf(
      runContainer(EXAMPLE_IMAGE, sh('while :; do echo y; done'), { ...options, maxOutput: 1000 }),
      'LIMIT_EXCEEDED',
    );
    assert.equal([full.facts.limit, full.facts.value, full.facts.stdout], ['maxOutput', 1000, 'y\n'.repeat(500)]);
    const slow = await failureOf(
      runContainer(EXAMPLE_IMAGE, sh('echo here; sleep 1000'), { ...options, timeout: 2000 }),
      'LIMIT_EXCEEDED',
    );
    assert.equal([slow.facts.limit, slow.facts.stdout], ['timeout', 'here\n']);
  });

  test('the methods of a started container do what the verbs do, and it is gone at the end of its block', async () => {
    let id = '';
    {
      await using container = await startContainer(EXAMPLE_IMAGE, {
        ...options,
        name: 'box',
        labels: { made: 'here' },
        command: sh('echo one; echo two >&2; trap "exit 4" TERM; while :; do sleep 0.1; done'),
        ready: async (box, signal) => {
          for await (const line of box.logs({ follow: true, signal })) if (line.text === 'two') return;
        },
      });
      id = container.id;
      assert.is(container.name, 'box');
      assert.equal(
        (await listContainers({ root, filters: ['label=made=here'] })).map((each) => each.id),
        [id],
      );
      const { exitCode, stdout } = await container.exec(sh('cat; id -u; exit 5'), { stdin: 'x', user: 7 });
      assert.equal([exitCode, stdout], [5, 'x7\n']);

      const command = container.spawn(['cat']);
      const { stdin, stdout: out } = command.toWeb();
      const writer = stdin.getWriter();
      await writer.write(Buffer.from('through'));
      await writer.close();
      assert.is(await text(out), 'through');
      assert.is(await command.exitCode, 0);
      const sleeper = container.spawn(sh('echo up; exec sleep 1000'));
      sleeper.stdout.once('data', () => sleeper.kill(15));
      assert.is(await sleeper.exitCode, 143);
      const early = container.spawn(['sleep', '1000']);
      early.kill('KILL');
      assert.is(await early.exitCode, 137);

      const file = join(tempDir(), 'file');
      writeFileSync(file, 'content');
      await container.copyIn(file, '/root/copied');
      await container.copyOut('/root/copied', `${file}.back`);
      assert.is(readFileSync(`${file}.back`, 'utf8'), 'content');
      assert.ok((await container.diff()).some(({ path }) => path === '/root/copied'));
      const image = await container.commit('made:1');
      assert.match(image, /^sha256:/);
      assert.is((await runContainer('made:1', ['cat', '/root/copied'], options)).stdout, 'content');

      assert.ok((await container.top()).processes.some((row) => row.at(-1)?.startsWith('/bin/sh -c echo one')));
      const began = new Date();
      await container.rename('crate');
      assert.is(container.name, 'crate');
      const events = watchEvents({
        root,
        since: began,
        filters: ['event=rename'],
        signal: AbortSignal.timeout(60_000),
      });
      for await (const event of events) {
        assert.is(event.id, id);
        break;
      }
      const same = await getContainer('crate', { root });
      assert.equal([same instanceof Container, same.id], [true, id]);
      assert.is((await same.inspect()).State.Running, true);
      await container.stop();
      assert.is(await same.wait(), 4);
      const lines = [];
      for await (const { stream, text: line } of container.logs({ tail: 2 })) lines.push([stream, line]);
      assert.equal(lines.sort(), [
        ['stderr', 'two'],
        ['stdout', 'one'],
      ]);
      await container.start();
      assert.is((await same.inspect()).State.Running, true);
    }
    await failureOf(getContainer(id, { root }), 'CONTAINER_NOT_FOUND');
  });

  test('an abort of a started container is recorded as the kill that it is', async () => {
    const abort = new AbortController();
    await using box = await startContainer(EXAMPLE_IMAGE, {
      ...options,
      command: ['sleep', '1000'],
      signal: abort.signal,
      ready: () => true,
    });
    abort.abort(new Error('bye'));
    assert.is(await box.wait(), 137);
    const { ExitCode, Error: error } = (await box.inspect()).State;
    assert.equal([ExitCode, error], [137, '']);
  });

  test('a volume outlives containers, and the health of one is waited for', async () => {
    await createVolume({ name: 'data', root, labels: { kept: '1' } });
    const volumes = [{ source: 'data', target: '/data' }];
    await using box = await startContainer(EXAMPLE_IMAGE, {
      ...options,
      volumes,
      health: { command: 'test -e /data/file', interval: '100ms' },
      command: sh('touch /data/file; sleep 1000'),
    });
    assert.is(await box.waitFor('healthy'), -1);
    const { stdout } = await runContainer(EXAMPLE_IMAGE, ['ls', '/data'], { ...options, volumes });
    assert.is(stdout, 'file\n');
    assert.equal((await inspectVolume('data', { root })).containers, [box.name]);
    await failureOf(removeVolume('data', { root }), 'VOLUME_IN_USE');
    await box.remove();
    assert.equal(
      (await listVolumes({ root, dangling: true })).map(({ name }) => name),
      ['data'],
    );
    assert.equal(await pruneVolumes({ root, all: true }), ['data']);
  });

  const network = haveTools(...(AS_USER ? ['pasta'] : ['nft', 'ip'])) ? test : test.skip;
  network('a published port is told once, with its own address', async () => {
    await using web = await startContainer(EXAMPLE_IMAGE, {
      root,
      ports: ['[::1]::81', 80, 80],
      command: ['httpd', '-f', '-p', '80', '-h', '/etc'],
      ready: testReady.all(testReady.port(80), testReady.http(80, '/passwd')),
    });
    assert.equal(
      web.ports.map(({ hostAddress }) => hostAddress),
      ['::1', '127.0.0.1'],
    );
    assert.throws(() => web.port(82), /not published/);
    // A port belongs to its own address, which need not be that of the first one.
    assert.equal(web.endpoint(80), { host: '127.0.0.1', port: web.port(80), authority: `127.0.0.1:${web.port(80)}` });
    assert.equal(web.endpoint(81), { host: web.host, port: web.port(81), authority: `[::1]:${web.port(81)}` });
  });

  test('a container that has ended, or was started again, is of its program until this is killed', async () => {
    const module = (name: string) =>
      JSON.stringify(new URL(`../../../src/library/container/${name}.js`, import.meta.url));
    const code = `import { startContainer } from ${module('start-container')};
      const options = { root: ${JSON.stringify(root)}, network: 'none' };
      const one = await startContainer(${JSON.stringify(EXAMPLE_IMAGE)}, { ...options, command: ['true'] });
      await one.wait();
      const command = ['sh', '-c', 'echo up; exec sleep 1000'];
      const isUp = async (box, times) => {
        for await (const _ of box.logs({ follow: true })) if (--times === 0) return;
      };
      const two = await startContainer(${JSON.stringify(EXAMPLE_IMAGE)}, { ...options, command });
      await isUp(two, 1);
      await two.restart({ timeout: 0 });
      await isUp(two, 2);
      await two.kill();
      await two.start();
      await isUp(two, 3);
      const kept = await startContainer(${JSON.stringify(EXAMPLE_IMAGE)}, { ...options, command, keep: true });
      await kept.restart({ timeout: 0 });
      const states = await Promise.all([one, two, kept].map((each) => each.inspect()));
      console.log(...states.map(({ State }) => State.Status));`;
    const program = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [said] = await once(program.stdout, 'data');
      assert.is(String(said), 'exited running running\n');
    } finally {
      program.kill('SIGKILL');
    }
    // The guardian ends and removes one after the other; the kernel flushes the disk for the last one.
    const left = () => listContainers({ root, all: true });
    const isOver = async () => (await left()).every((each, index) => index === 0 && each.status === 'exited');
    for (let waited = 0; !(await isOver()) && waited < 120_000; waited += 50) await sleep(50);
    assert.ok(await isOver(), JSON.stringify(await left()));
    const [kept] = await left();
    {
      // As the guardian does, which may not be done with its cgroups.
      await using _lock = await acquireLock(join(root, 'containers', kept?.id ?? '', 'lock'), 'exclusive');
      assert.ok(await isOver(), 'a container has ended, also while another process cleans up after it');
    }
    await (await getContainer(kept?.id ?? '', { root })).remove();
  });

  test('a container that will be removed is not flushed to the disk, and can start again; one that stays is', async () => {
    const isVolatile = (line: string | undefined) => /^[^\n]* overlay .*\bvolatile\b/.test(line ?? '');
    const mounts = (keep: boolean) =>
      startContainer(EXAMPLE_IMAGE, {
        ...options,
        keep,
        command: sh('echo more >> /file; grep " / / " /proc/self/mountinfo; wc -l < /file; exec sleep 1000'),
      });
    const linesOf = async (box: Container, count: number) => {
      const lines: string[] = [];
      for await (const line of box.logs({ follow: true })) if (lines.push(line.text) === count) break;
      return lines;
    };
    await using box = await mounts(false);
    await linesOf(box, 2);
    await box.restart({ timeout: 0 });
    await linesOf(box, 4);
    await box.kill();
    await box.start();
    const [first, , second, , third, files] = await linesOf(box, 6);
    assert.equal([first, second, third].map(isVolatile), [true, true, true], first);
    assert.is(files, '3', 'it has what it wrote before');
    const kept = await mounts(true);
    const [only] = await linesOf(kept, 1);
    await kept.remove();
    assert.is(isVolatile(only), false, only);
  });

  test('a container that does not become ready is removed, and the error has the end of its log', async () => {
    const start = (script: string, readyTimeout?: number, ready?: ReadyCheck) =>
      startContainer(EXAMPLE_IMAGE, {
        ...options,
        command: sh(script),
        readyTimeout,
        ready: ready ?? ((_, signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
      });
    const ended = await failureOf(start('echo broken; exit 9'), 'LAUNCH_FAILED');
    assert.equal(ended.facts.log, ['broken']);
    assert.match(ended.message, /ended with status 9/);
    assert.is(ended.hint?.includes('readyTimeout'), false);
    const late = await failureOf(
      start('echo a; echo b; sleep 1000', 2000, testReady.log(/[ab]/, { times: 3 })),
      'LAUNCH_FAILED',
    );
    assert.match(late.hint ?? '', 'readyTimeout');
    assert.match(late.message, /waited in vain for a line with .*it came 2 of 3 times/);
    // The reason is told where there is no log any more.
    const removed = start('sleep 1000', undefined, async (box) => {
      await box.remove();
      throw new Error('the check has failed');
    });
    assert.match((await failureOf(removed, 'LAUNCH_FAILED')).message, 'the check has failed');
    assert.equal(await listContainers({ root, all: true }), []);
  });

  if (!AS_USER) {
    const user = makeOrdinaryUser();
    if (user !== undefined) {
      test('the same holds for an ordinary user', () => {
        const [program = '', ...words] = [...becomeWords(user), process.execPath, fileURLToPath(import.meta.url)];
        const env = { PATH: process.env.PATH, TSIMG_TEST_AS_USER: '1' };
        const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env, cwd: '/' });
        assert.is(status, 0, stdout + stderr);
      });
    }
  }
}

test.run();
