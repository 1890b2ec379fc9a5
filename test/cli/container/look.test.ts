import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { letRunBeside } from '../../support/command/resident-command.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { haveTools } from '../../support/tools.ts';

// What is told of containers beside ps: their processes and the span of a log; and another name.

const asRoot = suite('cli/container/look as root');
const asUser = suite('cli/container/look as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const place = ['--network', 'none', '-q'];
  const names = () => cli.ok('ps', '-a', '--format', '{{.Names}}');
  test.after.each(() => cli.clear());

  test('top lists the processes of a container, its own and those of exec, and no others', async () => {
    if (!haveTools('ps')) return;
    cli.ok('run', ...place, '-d', '--name', 'tops', rootfs, '/bin/sh', '-c', 'sleep 1001 & sleep 1002; true');
    letRunBeside(cli.start('exec', 'tops', 'sleep', '1003'));
    const words = () =>
      cli
        .ok('top', 'tops')
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/^.*? (?:\/bin\/)?(sh|sleep) /, '$1 '));
    await until('all three run', () => words().length === 4);
    assert.equal(words().toSorted(), ['sh -c sleep 1001 & sleep 1002; true', 'sleep 1001', 'sleep 1002', 'sleep 1003']);
    const [head, first = ''] = cli.ok('top', 'tops').split('\n');
    assert.match(head ?? '', /^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
    assert.is(first.split(/ +/)[1], cli.field('tops', '.State.Pid'));
    assert.is(first.split(/ +/)[0], user?.name ?? 'root');
    const listed = cli.ok('top', 'tops', '-eo', 'pid,args').split('\n');
    assert.match(listed[0] ?? '', /^PID +COMMAND$/);
    assert.is(listed.length, 5);
    const { processes } = JSON.parse(cli.ok('top', '--json', 'tops'));
    assert.is(processes.length, 4);
    const [wrong, titled, free] = cli.runEach([
      ['top', 'tops', '-o', 'nothing'],
      ['top', 'tops', '-eo', 'args'],
      // A process could call itself "x 1", and be shown or hidden by it.
      ['top', 'tops', '-eo', 'comm,pid'],
    ]);
    assert.equal([wrong?.status, titled?.status, free?.status], [2, 2, 2]);
    assert.match(free?.stderr ?? '', 'COMMAND may have blanks, so the column PID must stand before it');
    assert.match(cli.ok('top', 'tops', '-eo', 'user,ppid,stat,time,pid,comm'), /sleep$/m);
    assert.match(titled?.stderr ?? '', 'has no column PID');
    cli.ok('stop', '-t', '0', 'tops');
    assert.is(cli.run('top', 'tops').status, 1);
  });

  test('a renamed container has the new name only, while it runs and after; the old one is free', async () => {
    const id = cli.ok('run', ...place, '-d', '--rm', '--name', 'old', rootfs, 'sleep', '1000');
    cli.ok('create', ...place, '--name', 'other', rootfs, 'true');
    cli.ok('rename', 'old', 'new');
    assert.is(names(), 'other\nnew');
    const [taken, wrong, gone, same] = cli.runEach([
      ['rename', 'new', 'other'],
      ['rename', 'new', '../up'],
      ['rename', 'old', 'x'],
      ['rename', 'new', 'new'],
    ]);
    assert.equal([taken?.status, wrong?.status, gone?.status, same?.status], [1, 2, 3, 1]);
    assert.match(taken?.stderr ?? '', 'the container name is taken (other)');
    assert.is(cli.field('new', '.Id'), id);
    cli.ok('stop', '-t', '0', 'new');
    await until('it is removed', () => names() === 'other');
    cli.ok('rename', 'other', 'new');
    cli.ok('create', ...place, '--name', 'old', rootfs, 'true');
    assert.is(cli.ok('start', '-a', 'new'), '');
  });

  test('of several renames at the same time one name is left, and a start at the same time does not undo it', async () => {
    const id = cli.ok('create', ...place, '--name', 'first', rootfs, 'true');
    const wanted = ['one', 'two', 'three'];
    const calls = [...wanted.map((name) => ['rename', id, name]), ['start', id]].map((words) => cli.start(...words));
    await Promise.all(calls.map((child) => new Promise((resolve) => child.once('close', resolve))));
    const name = names();
    assert.ok(wanted.includes(name), name);
    assert.equal(readdirSync(join(cli.folder, 'names')), [name]);
  });

  test('logs --until leaves out later lines, and ends a followed log; times are docker’s', async () => {
    cli.ok(
      'run',
      ...place,
      '-d',
      '--name',
      'times',
      rootfs,
      '/bin/sh',
      '-c',
      'echo one; sleep 1.2; echo two; sleep 1000',
    );
    const stamped = () => cli.ok('logs', '-t', 'times').split('\n');
    await until('both lines are there', () => stamped().length === 2);
    const [one = 0, two = 0] = stamped().map((line) => Date.parse(line.split(' ')[0] ?? ''));
    const before = new Date((one + two) / 2).toISOString();
    const forms = [before, before.replace('Z', '+00:00'), String(Date.parse(before) / 1000)];
    for (const form of forms) assert.is(cli.ok('logs', '--until', form, 'times'), 'one', form);
    assert.is(cli.ok('logs', '-f', '--until', before, 'times'), 'one');
    const results = cli.runEach(
      ['1.5h', '1m30s500ms', '2100-01-01', '2100-01-01T00:00', 'May', '1x', ''].map((text) => [
        'logs',
        '--until',
        text,
        'times',
      ]),
    );
    assert.equal(
      results.map(({ status }) => status),
      [0, 0, 0, 0, 2, 2, 2],
    );
    assert.equal(
      results.slice(0, 4).map(({ stdout }) => stdout),
      ['', '', 'one\ntwo\n', 'one\ntwo\n'],
    );
  });
});

asRoot.run();
asUser.run();
