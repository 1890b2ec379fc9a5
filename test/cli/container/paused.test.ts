import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

const asRoot = suite('cli/container/paused as root');
const asUser = suite('cli/container/paused as an ordinary user');

function stateOf(pid: string): string | undefined {
  try {
    return /^State:\s*(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

function cgroupsOf(id: string): readonly string[] {
  const { v1, v2 } = probeCgroups();
  return [...v1, ...v2].map(({ directory }) => join(directory, 'tsimg', id)).filter((path) => existsSync(path));
}

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, ...command: readonly string[]) =>
    cli.ok('run', '--network', 'none', '-d', '--name', name, rootfs, ...command);
  const states = () => cli.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  test.after.each(() => cli.clear());

  // No cgroup is delegated to the test's user; test/host/cgroup/cgroup2.test.ts delegates one.
  if (user !== undefined) {
    test('a user without a cgroup that can stop the container is told why', () => {
      detached('runs', 'sleep', '1000');
      const { status, stderr } = cli.run('pause', 'runs');
      assert.is(status, 1);
      assert.match(stderr, /the container cannot be paused \(runs\): it has no (freezer|cgroup).*; run it /);
      assert.is(states(), 'runs running');
    });
    return;
  }

  test('a paused container does nothing, is shown as paused, refuses exec and start, and goes on where it was', async () => {
    const ticks = 'i=0; while true; do i=$((i+1)); echo $i > /tick; done';
    detached('ticks', '/bin/sh', '-c', ticks);
    assert.is(cli.ok('pause', 'ticks'), 'ticks');
    const tick = () => readFileSync(join(rootfs, 'tick'), 'latin1');
    const first = tick();
    assert.is(states(), 'ticks paused');
    assert.match(cli.ok('ps', '--filter', 'status=paused', '--format', '{{.Status}}'), /^Up .* \(Paused\)$/);
    const inspected = '{{.State.Status}} {{.State.Paused}} {{.State.Running}}';
    assert.is(cli.ok('inspect', '--type', 'container', '-f', inspected, 'ticks'), 'paused true true');
    const [exec, start, again, both] = cli.runEach([
      ['exec', 'ticks', 'true'],
      ['start', 'ticks'],
      ['pause', 'ticks'],
      ['ps', '-q', '--filter', 'status=running'],
    ]);
    assert.equal([exec?.status, start?.status, again?.status, both?.stdout], [125, 1, 1, '']);
    for (const each of [exec, start, again])
      assert.match(each?.stderr ?? '', 'the container is paused (ticks); tsimg unpause lets it go on');
    assert.is(tick(), first);
    assert.is(cli.ok('unpause', 'ticks'), 'ticks');
    assert.is(states(), 'ticks running');
    assert.is(cli.ok('exec', 'ticks', 'echo', 'here'), 'here');
    await until('it goes on', () => !['', first].includes(tick()));
    const { status, stderr } = cli.run('unpause', 'ticks');
    assert.is(status, 1);
    assert.match(stderr, 'the container is not paused (ticks)');
  });

  test('stop, kill, restart and rm -f end a paused container; another signal waits until it goes on', () => {
    const onUsr1 = 'trap "exit 7" USR1; trap "exit 5" TERM; while true; do sleep 0.05; done';
    detached('one', '/bin/sh', '-c', onUsr1);
    cli.ok('pause', 'one');
    cli.ok('kill', '-s', 'USR1', 'one');
    assert.is(states(), 'one paused');
    cli.ok('unpause', 'one');
    assert.is(cli.ok('wait', 'one'), '7');
    cli.ok('start', 'one');
    cli.ok('pause', 'one');
    cli.ok('restart', 'one');
    assert.is(states(), 'one running');
    cli.ok('pause', 'one');
    cli.ok('stop', 'one');
    assert.is(cli.field('one', '.State.ExitCode'), '5');
    cli.ok('start', 'one');
    cli.ok('pause', 'one');
    cli.ok('kill', 'one');
    assert.is(states(), 'one exited');
    cli.ok('start', 'one');
    cli.ok('pause', 'one');
    const refused = cli.run('rm', 'one');
    assert.is(refused.status, 1);
    cli.ok('rm', '-f', 'one');
    assert.equal(cli.directories(), []);
  });

  test('a container whose monitor is killed while it is paused leaves no process and no cgroup', async () => {
    const id = detached('orphan', '/bin/sh', '-c', 'sleep 1000 & sleep 1000; true');
    const pid = cli.field('orphan', '.State.Pid');
    cli.ok('pause', 'orphan');
    process.kill(Number(cli.field('orphan', '.State.ConmonPid')), 'SIGKILL');
    await until('it is told', () => states() === 'orphan exited');
    assert.ok([undefined, 'Z', 'X'].includes(stateOf(pid)));
    cli.ok('rm', 'orphan');
    assert.equal(cgroupsOf(id), []);
    assert.equal(cli.directories(), []);
  });

  test('commit of a paused container leaves it paused', () => {
    cli.ok('load', '-q', EXAMPLE_IMAGE);
    const name = cli.ok('images', '-q');
    cli.ok('run', '--network', 'none', '-d', '--name', 'made', name, 'sleep', '1000');
    cli.ok('pause', 'made');
    cli.ok('commit', '-q', 'made', 'copied');
    assert.is(states(), 'made paused');
  });
});

asRoot.run();
asUser.run();
