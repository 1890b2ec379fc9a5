import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

const asRoot = suite('cli/container/logs as root');
const asUser = suite('cli/container/logs as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, script: string, ...options: readonly string[]) =>
    cli.ok('run', '--network', 'none', '-d', '--name', name, ...options, rootfs, '/bin/sh', '-c', script);
  test.after.each(() => cli.clear());

  test('logs prints stdout and stderr of a container apart', () => {
    detached('both', 'echo out; echo err >&2; echo -n end');
    cli.ok('wait', 'both');
    const { stdout, stderr } = cli.run('logs', 'both');
    assert.is(stdout, 'out\nend');
    assert.is(stderr, 'err\n');
  });

  test('--tail counts lines of both streams, also an incomplete one', () => {
    detached('lines', 'echo 1; echo 2; echo 3; echo -n 4');
    cli.ok('wait', 'lines');
    assert.is(cli.run('logs', '--tail', '2', 'lines').stdout, '3\n4');
    assert.is(cli.run('logs', '-n', '0', 'lines').stdout, '');
    assert.is(cli.run('logs', '--tail', '99', 'lines').stdout, '1\n2\n3\n4');
    assert.is(cli.run('logs', '--tail', 'all', 'lines').stdout, '1\n2\n3\n4');
    assert.is(cli.run('logs', '--tail', 'some', 'lines').status, 2);
  });

  test('-t prints the time of each line, and --since leaves out earlier lines', () => {
    detached('times', 'echo one; sleep 2; echo two');
    cli.ok('wait', 'times');
    const lines = cli.ok('logs', '-t', 'times').split('\n');
    assert.equal(
      lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, '')),
      ['one', 'two'],
    );
    const [first = '', time = ''] = lines.map((line) => line.split(' ')[0] ?? '');
    const between = (Date.parse(first) + Date.parse(time)) / 2000;
    assert.is(cli.ok('logs', '--since', time, 'times'), 'two');
    assert.is(cli.ok('logs', '--since', String(between), 'times'), 'two');
    assert.is(cli.ok('logs', '--since', '1h30m', 'times'), 'one\ntwo');
    assert.is(cli.run('logs', '--since', 'yesterday', 'times').status, 2);
  });

  test('-f prints new lines, and ends with the container', async () => {
    detached('long', 'trap "echo end; exit 3" USR1; echo begin; while :; do sleep 0.1; done');
    const following = cli.start('logs', '-f', 'long');
    assert.ok(following.stdout);
    const written = text(following.stdout);
    const [first] = await once(following.stdout, 'data');
    assert.is(String(first), 'begin\n');
    const ended = once(following, 'exit');
    cli.ok('kill', '-s', 'USR1', 'long');
    assert.is((await ended)[0], 0);
    assert.is(await written, 'begin\nend\n');
  });

  test('a container in the foreground has no log, and the error says so', () => {
    cli.ok('run', '--network', 'none', '--name', 'front', rootfs, 'true');
    const { status, stderr } = cli.run('logs', 'front');
    assert.is(status, 1);
    assert.match(stderr, 'the container has no log (front)');
  });
});

asRoot.run();
asUser.run();
