import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

const asRoot = suite('cli/container/health as root');
const asUser = suite('cli/container/health as an ordinary user');

/** The exit status where there is no such container. */
const NOT_FOUND = 3;
/** Checks are made often, so that the tests need not wait. The command's scripts are ASCII, its arguments need not be. */
const OFTEN = ['--health-interval', '50000\u00b5s', '--health-retries', '2'];

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const run = (name: string, ...options: readonly string[]) =>
    cli.ok('run', '-d', '--network', 'none', '--name', name, ...options, rootfs, '/bin/sleep', '1000');
  const health = (name: string) => JSON.parse(cli.ok('inspect', name))[0].State.Health;
  const status = (name: string) => cli.ok('ps', '--filter', `name=${name}`, '--format', '{{.Status}}');
  test.after.each(() => cli.clear());

  test('a check decides about the health, which ps, inspect and wait tell, also after a restart', async () => {
    run('well', '--tmpfs', '/t', '--health-cmd', 'echo "at $PWD"; [ ! -e /t/ill ]', ...OFTEN);
    assert.is(cli.ok('wait', '--condition', 'healthy', 'well'), '-1');
    assert.match(status('well'), /^Up .* \(healthy\)$/);
    const [found] = JSON.parse(cli.ok('inspect', 'well'));
    assert.equal([found.State.Health.Status, found.State.Health.FailingStreak], ['healthy', 0]);
    const [{ Start, End, ExitCode, Output }] = found.State.Health.Log;
    assert.equal([ExitCode, Output], [0, 'at /\n']);
    assert.ok(Date.parse(Start) <= Date.parse(End));
    assert.equal(found.Config.Healthcheck, {
      Test: ['CMD', '/bin/sh', '-c', 'echo "at $PWD"; [ ! -e /t/ill ]'],
      ...{ Interval: 5e7, Timeout: 3e10, StartInterval: 5e9, Retries: 2 },
    });
    cli.ok('exec', 'well', '/bin/sh', '-c', 'echo > /t/ill');
    assert.is(cli.ok('wait', '--condition', 'unhealthy', 'well'), '-1');
    await until('five results are kept', () => health('well').Log.length === 5);
    assert.ok(health('well').FailingStreak >= 2);
    assert.match(status('well'), '(unhealthy)');
    assert.is(cli.ok('ps', '-q', '--filter', 'health=unhealthy', '--filter', 'health=none'), cli.ok('ps', '-q'));
    assert.is(cli.ok('ps', '-q', '--filter', 'health=healthy'), '');
    // Its memory is new, so it is well again.
    cli.ok('restart', '-t', '0', 'well');
    assert.is(cli.ok('wait', '--condition', 'healthy', 'well'), '-1');
    cli.ok('kill', 'well');
    const ended = cli.run('wait', '--condition', 'healthy', 'well');
    assert.is(ended.status, 1);
    assert.match(ended.stderr, 'the container has ended (well): its exit status is 137');
  });

  test('a check that takes too long, says too much, or has no program fails, and leaves no process', async () => {
    run('slow', '--health-cmd', 'echo begun; sleep 1000', '--health-timeout', '300ms', ...OFTEN);
    run('loud', '--health-cmd', 'head -c 5000 /dev/zero | tr "\\0" x', ...OFTEN);
    run('lost', '--health-cmd', '["/no/such"]', ...OFTEN);
    for (const name of ['slow', 'lost']) cli.ok('wait', '--condition', 'unhealthy', name);
    cli.ok('wait', '--condition', 'healthy', 'loud');
    const last = (name: string) => health(name).Log.at(-1);
    assert.equal([last('slow').ExitCode, last('slow').Output], [-1, 'Health check exceeded timeout (300 ms): begun\n']);
    assert.is(last('loud').Output, `${'x'.repeat(4096)}...`);
    assert.is(last('lost').ExitCode, -1);
    assert.match(last('lost').Output, 'not found');
    const sleeping = () => cli.ok('exec', 'slow', '/bin/sh', '-c', 'ps | grep -c "[s]leep 1000"');
    await until('only the command and at most the running check sleep', () => Number(sleeping()) <= 3);
  });

  test('an image’s check runs in the foreground too, and --no-healthcheck leaves it out', async () => {
    cli.ok('pack', '-c', 'HEALTHCHECK --interval=50ms CMD ["true"]', '-t', 'checked', rootfs);
    const image = JSON.parse(cli.ok('inspect', '-f', '{{json .Config.Healthcheck}}', 'checked'));
    assert.equal(image, { Test: ['CMD', 'true'], Interval: 50_000_000 });
    const front = cli.start('run', '--network', 'none', '--name', 'front', 'checked', '/bin/sleep', '1000');
    let said = '';
    front.stderr?.on('data', (chunk) => (said += chunk));
    await until('it is there', () => cli.run('inspect', 'front').status === 0);
    const { status: waited, stdout, stderr: why } = cli.run('wait', '--condition', 'healthy', 'front');
    if (waited !== 0) await until(`the container of the foreground ends: ${why}`, () => front.exitCode !== null);
    assert.equal([waited, stdout], [0, '-1\n'], `${why}${said}`);
    front.kill('SIGKILL');
    cli.ok('run', '-d', '--network', 'none', '--name', 'bare', '--no-healthcheck', 'checked', '/bin/sleep', '1000');
    assert.is(health('bare'), undefined);
    assert.not.match(status('bare'), 'health');
    const { status: code, stderr } = cli.run('wait', '--condition', 'healthy', 'bare');
    assert.is(code, 1);
    assert.match(stderr, 'the container has no health check (bare)');
    assert.is(cli.ok('wait', '--condition', 'healthy', '--condition', 'running', 'bare'), '-1');
    let told: unknown = NOT_FOUND;
    // A waiter that comes after the removal finds no container: then it gets more time.
    for (let turn = 0; turn < 5 && told === NOT_FOUND; turn += 1) {
      if (turn > 0) run('bare');
      const removed = cli.start('wait', '--condition', 'removed', 'bare');
      const ended = new Promise((resolve) => removed.once('exit', resolve));
      await sleep(turn * 2000);
      cli.ok('rm', '-f', 'bare');
      told = await ended;
    }
    assert.is(told, 0);
  });
});

asRoot.run();
asUser.run();
