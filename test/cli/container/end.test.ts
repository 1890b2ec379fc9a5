import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

const asRoot = suite('cli/container/end as root');
const asUser = suite('cli/container/end as an ordinary user');

/** A command that ends with 7 on SIGTERM. */
const POLITE = 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done';
/** A command without a handler: process 1 does not die of signals that it does not handle. */
const DEAF = 'sleep 1000; true';

function openFiles(pid: number | undefined): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(join(folder, fd))];
    } catch {
      // The stream may be closed by then.
      return [];
    }
  });
}

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, script: string, ...options: readonly string[]) =>
    cli.ok('run', '--network', 'none', '-d', '--name', name, ...options, rootfs, '/bin/sh', '-c', script);
  /** Waits until the trap is set. */
  const up = (name: string) => until(`${name} is up`, () => cli.ok('logs', name) !== '');
  const state = (name: string) => cli.field(name, '.State.Status');
  test.after.each(() => cli.clear());

  test('stop lets a container end on its stop signal', async () => {
    detached('polite', POLITE);
    await up('polite');
    assert.is(cli.ok('stop', 'polite'), 'polite');
    assert.is(cli.field('polite', '.State.ExitCode'), '7');
    assert.is(cli.ok('stop', 'polite'), 'polite');
  });

  test('stop kills a container that ignores its stop signal', () => {
    detached('deaf', DEAF);
    cli.ok('stop', '-t', '0', 'deaf');
    assert.is(state('deaf'), 'exited');
    assert.is(cli.field('deaf', '.State.ExitCode'), '137');
    detached('impatient', DEAF, '--stop-timeout', '0');
    cli.ok('stop', 'impatient');
    assert.is(cli.field('impatient', '.State.ExitCode'), '137');
  });

  test('stop sends the stop signal that the container was run with', async () => {
    detached('own', 'trap "exit 9" USR2; echo up; while :; do sleep 0.1; done', '--stop-signal', 'USR2');
    await up('own');
    cli.ok('stop', 'own');
    assert.is(cli.field('own', '.State.ExitCode'), '9');
  });

  test('kill sends a signal, SIGKILL by default, and fails for a container that is not running', async () => {
    detached('target', 'trap "echo got" HUP; echo up; while :; do sleep 0.1; done');
    await up('target');
    assert.is(cli.ok('kill', '-s', 'SIGHUP', 'target'), 'target');
    await until('the signal has come', () => cli.ok('logs', 'target') === 'up\ngot');
    assert.is(cli.run('kill', '-s', 'NONE', 'target').status, 2);
    cli.ok('kill', 'target');
    assert.is(cli.ok('wait', 'target'), '137');
    const { status, stderr } = cli.run('kill', 'target');
    assert.is(status, 1);
    assert.match(stderr, 'the container is not running (target)');
  });

  test('several waits get the exit status, also of a container that is removed when it ends', async () => {
    detached('awaited', POLITE, '--rm');
    await up('awaited');
    const waiting = [cli.start('wait', 'awaited'), cli.start('wait', 'awaited')];
    const answers = waiting.map((child) => text(child.stdout ?? Readable.from([])));
    const lock = join(cli.folder, cli.directories()[0] ?? '', 'lock');
    await until('both wait', () => waiting.every(({ pid }) => openFiles(pid).includes(lock)));
    cli.ok('kill', '-s', 'TERM', 'awaited');
    await Promise.all(waiting.map((child) => once(child, 'exit')));
    assert.equal(await Promise.all(answers), ['7\n', '7\n']);
    await until('it is removed', () => cli.directories().length === 0);
  });

  test('a container that fails is started again as often as its policy says, with growing pauses', async () => {
    detached('failing', 'echo life; exit 3', '--restart', 'on-failure:2');
    // Each life that fails is 'exited' for a moment, before the next one is recorded: the count is read first.
    const isOver = () => cli.field('failing', '.RestartCount') === '2' && state('failing') === 'exited';
    await until('it has given up', isOver);
    assert.is(cli.ok('logs', 'failing'), 'life\nlife\nlife');
    const times = cli
      .ok('logs', '-t', 'failing')
      .split('\n')
      .map((line) => Date.parse(line.split(' ')[0] ?? ''));
    const [first = 0, second = 0, third = 0] = times;
    assert.ok(second - first >= 100, `${second - first} ms`);
    assert.ok(third - second >= 200, `${third - second} ms`);
    detached('content', 'echo life', '--restart', 'on-failure:2');
    assert.is(cli.ok('wait', 'content'), '0');
    assert.is(cli.ok('logs', 'content'), 'life');
  });

  for (const policy of ['always', 'unless-stopped']) {
    test(`--restart ${policy} starts a container again until it is stopped`, async () => {
      detached('lasting', 'echo life', '--restart', policy);
      await until('it lives again', () => cli.ok('logs', 'lasting').includes('life\nlife'));
      cli.ok('stop', 'lasting');
      assert.is(state('lasting'), 'exited');
      const lives = cli.ok('logs', 'lasting');
      assert.is(cli.ok('wait', 'lasting'), '0');
      assert.is(cli.ok('logs', 'lasting'), lives);
    });
  }

  test('a container that is stopped between two lives keeps the status of its last life', async () => {
    // Process 1 has no handler for SIGTERM, so it ends by itself, well within the timeout of stop.
    for (const delay of [0, 40, 80, 120, 160]) {
      const name = `short-${delay}`;
      detached(name, 'echo life; sleep 0.05; exit 5', '--restart', 'always');
      await until('it lives again', () => cli.ok('logs', name).includes('life\nlife'));
      await sleep(delay);
      cli.ok('stop', name);
      assert.is(`${delay}: ${cli.field(name, '.State.ExitCode')}`, `${delay}: 5`);
    }
  });

  test('kill ends a container between two lives, and returns when it has ended', async () => {
    for (const delay of [0, 30, 60, 90, 120]) {
      const name = `waiting-${delay}`;
      detached(name, 'exit 5', '--restart', 'always');
      await until('it waits', () => state(name) === 'restarting');
      await sleep(delay);
      cli.ok('kill', name);
      assert.is(`${delay}: ${state(name)}`, `${delay}: exited`);
    }
  });

  test('a container that removes itself can be killed and stopped', async () => {
    for (const verb of [['kill'], ['stop', '-t', '0']]) {
      detached('gone', 'echo up; exec sleep 10000', '--rm');
      await up('gone');
      cli.ok(...verb, 'gone');
      assert.equal(cli.directories(), []);
    }
  });

  test('a container that is killed is not started again', () => {
    detached('killed', DEAF, '--restart', 'always');
    cli.ok('kill', 'killed');
    assert.is(state('killed'), 'exited');
    assert.is(cli.ok('wait', 'killed'), '137');
  });

  test('--restart is refused without -d, and beside --rm', () => {
    for (const options of [
      ['--restart', 'always'],
      ['-d', '--rm', '--restart', 'always'],
      ['-d', '--restart', 'often'],
    ]) {
      assert.is(cli.run('run', ...options, rootfs, 'true').status, 125);
    }
  });
});

asRoot.run();
asUser.run();
