import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../../../support/command/container-cli.ts';
import { defineRuns } from '../../../support/container/define-runs.ts';

const asRoot = suite('cli/verb/container/ps as root');
const asUser = suite('cli/verb/container/ps as an ordinary user');

/** The tests here need no network. */
const RUN = ['run', '--network', 'none'];

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, script: string, ...options: readonly string[]) =>
    cli.ok(...RUN, '-d', '--name', name, ...options, rootfs, '/bin/sh', '-c', script);
  test.after.each(() => cli.clear());

  test('a detached start prints the whole ID once the command runs', () => {
    const id = detached('one', 'sleep 1000; true');
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.is(cli.field('one', '.Id'), id);
    assert.is(cli.field('one', '.State.Running'), 'true');
    const pid = cli.field('one', '.State.Pid');
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^\/bin\/sh\0-c\0/);
  });

  test('a command that does not exist is status 127, and with --rm leaves no container', () => {
    assert.is(cli.run(...RUN, '-d', '--rm', rootfs, '/nothing').status, 127);
    assert.equal(cli.directories(), []);
    assert.is(cli.run(...RUN, '-d', '--name', 'none', rootfs, '/nothing').status, 127);
    assert.is(cli.ok('ps', '-a', '--format', '{{.Names}} {{.State}}'), 'none created');
    assert.is(cli.field('none', '.State.ExitCode'), '127');
    assert.match(cli.field('none', '.State.Error'), 'not found');
  });

  test('a name belongs to one container at a time, and is free when the container is removed', () => {
    const id = detached('same', 'sleep 1000');
    const { status, stderr } = cli.run(...RUN, '-d', '--name', 'same', rootfs, 'true');
    assert.is(status, 125);
    assert.match(stderr, `the container name is taken (same): container ${id.slice(0, 12)} has it`);
    cli.ok('rm', '-f', 'same');
    const other = detached('same', 'sleep 1000');
    assert.is.not(cli.ok(...RUN, '-d', '--replace', '--name', 'same', rootfs, 'sleep', '1000'), other);
    assert.is(cli.ok('ps', '-a', '--format', '{{.Names}}'), 'same');
    assert.is(cli.run(...RUN, '--name', '../up', rootfs, 'true').status, 125);
    assert.is(cli.run(...RUN, '--replace', rootfs, 'true').status, 125);
  });

  test('ps lists running containers, with -a all, with filters a part of them', () => {
    const first = detached('first', 'sleep 1000', '--label', 'colour=red');
    const second = detached('second', 'exit 3', '--label', 'colour=blue');
    assert.is(cli.ok('wait', 'second'), '3');
    const listed: readonly (readonly [options: readonly string[], names: readonly string[]])[] = [
      [[], ['first']],
      [['-a'], ['second', 'first']],
      [['-l'], ['second']],
      [['-n', '1'], ['second']],
      [['-f', 'status=exited'], ['second']],
      [['--filter', 'exited=3'], ['second']],
      [['-a', '--filter', 'label=colour=red'], ['first']],
      [
        ['-a', '--filter', 'label=colour'],
        ['second', 'first'],
      ],
      [['-a', '--filter', 'name=eco'], ['second']],
      [['-a', '--filter', 'name=^fir'], ['first']],
      [['-a', '--filter', 'name=^/second$'], ['second']],
      [
        ['-a', '--filter', 'name=f.*t', '--filter', 'name=d$'],
        ['second', 'first'],
      ],
      [['-a', '--filter', 'name=^eco'], []],
      [['-a', '--filter', 'status=paused'], []],
      [['-a', '--filter', `id=${first.slice(0, 12)}`], ['first']],
      [
        ['-a', '--filter', `ancestor=${rootfs}`],
        ['second', 'first'],
      ],
    ];
    const lists = cli.runEach(listed.map(([options]) => ['ps', '--format', '{{.Names}}', ...options]));
    for (const [index, [options, names]] of listed.entries()) {
      const { status, stdout, stderr } = lists[index] ?? {};
      assert.is(status, 0, `${options.join(' ')}: ${stderr}`);
      assert.is(stdout, names.map((name) => `${name}\n`).join(''), options.join(' '));
    }
    const refused = [
      ['shape=round', /KEY one of id, name, label/],
      ['status=up', /one of created, running, restarting/],
      ['exited=x', /exit status/],
      ['name=(', /regular expression/],
      ['running', /KEY=VALUE/],
    ] as const;
    const refusals = cli.runEach(refused.map(([filter]) => ['ps', '--filter', filter]));
    for (const [index, [filter, hint]] of refused.entries()) {
      assert.is(refusals[index]?.status, 2, filter);
      assert.match(refusals[index]?.stderr ?? '', hint);
    }
    assert.is(cli.ok('ps', '-aq'), `${second.slice(0, 12)}\n${first.slice(0, 12)}`);
    const [whole, table, line, columns] = cli.runEach([
      ['ps', '-q', '--no-trunc'],
      ['ps', '-a'],
      ['ps', '-l', '--format', 'json'],
      ['ps', '--format', 'table {{.Names}}\\t{{.State}}'],
    ]);
    assert.is(whole?.stdout, `${first}\n`);
    assert.match(table?.stdout ?? '', /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n.*Exited \(3\)/);
    assert.match(JSON.stringify(JSON.parse(line?.stdout ?? '')), /"Names":"second".*"Labels":"colour=blue"/);
    assert.is(columns?.stdout, 'NAMES   STATE\nfirst   running\n');
  });

  test('the start of an ID is enough where it is unique', () => {
    const id = cli.ok('create', '--name', 'one', rootfs, 'true');
    assert.is(cli.field(id.slice(0, 8), '.Name'), 'one');
    cli.ok('create', '--name', 'two', rootfs, 'true');
    const { status, stderr } = cli.run('stop', '');
    assert.is(status, 3);
    assert.match(stderr, 'no such container');
    assert.is(cli.run('rm', 'three').status, 3);
  });

  test('a running container is removed with --force only', () => {
    detached('busy', 'sleep 1000');
    const { status, stderr } = cli.run('rm', 'busy');
    assert.is(status, 1);
    assert.match(stderr, 'the container is running (busy)');
    const pid = cli.field('busy', '.State.Pid');
    assert.is(cli.ok('rm', '--force', 'busy'), 'busy');
    assert.equal(cli.directories(), []);
    assert.not.ok(existsSync(`/proc/${pid}/root/bin`));
  });

  test('a missing container does not keep a verb from the other containers', () => {
    cli.ok('create', '--name', 'here', rootfs, 'true');
    const { status, stdout, stderr } = cli.run('rm', 'gone', 'here');
    assert.is(status, 3);
    assert.is(stdout, 'here\n');
    assert.match(stderr, 'no such container (gone)');
  });

  test('--cidfile writes the ID to a new file, and does not overwrite one', () => {
    const place = mkdtempSync(join(tmpdir(), 'tsimg-cid-'));
    try {
      const file = user === undefined ? join(place, 'cid') : join(cli.folder, 'cid');
      const id = cli.ok(...RUN, '-d', '--cidfile', file, rootfs, 'true');
      assert.is(readFileSync(file, 'utf8'), id);
      const { status, stderr } = cli.run(...RUN, '-d', '--name', 'late', '--cidfile', file, rootfs, 'true');
      assert.is(status, 125);
      assert.match(stderr, 'it exists already');
      assert.is(readFileSync(file, 'utf8'), id);
      assert.not.match(cli.ok('ps', '-a'), 'late');
      rmSync(file);
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test('--rm removes a detached container when it has ended', async () => {
    detached('short', 'exit 0', '--rm');
    await until('it is removed', () => cli.directories().length === 0);
    assert.is(cli.ok('ps', '-aq'), '');
  });

  test('start starts an ended container with all that it changed', () => {
    const script = 'echo x >> /count; wc -l < /count; test -e /other && exit 5; exit 4';
    const { status, stdout } = cli.run(...RUN, '--name', 'again', rootfs, '/bin/sh', '-c', script);
    assert.is(status, 4);
    assert.is(stdout, '1\n');
    assert.is(cli.ok('start', 'again'), 'again');
    assert.is(cli.ok('wait', 'again'), '4');
    assert.is(cli.ok('logs', 'again'), '2');
    rmSync(join(rootfs, 'count'));
  });

  test('restart stops a container and starts it again; start leaves a running one as it is', () => {
    const id = detached('server', 'trap "exit 0" TERM; while :; do sleep 0.1; done');
    const before = cli.field('server', '.State.Pid');
    assert.is(cli.ok('start', 'server'), 'server');
    assert.is(cli.field('server', '.State.Pid'), before);
    assert.is(cli.ok('restart', 'server'), 'server');
    assert.is.not(cli.field('server', '.State.Pid'), before);
    assert.is(cli.field('server', '.Id'), id);
    detached('fleeting', 'sleep 1000', '--rm');
    assert.match(cli.run('restart', 'fleeting').stderr, 'it runs with --rm');
    assert.is(cli.field('fleeting', '.State.Running'), 'true');
  });
});

asRoot.run();
asUser.run();
