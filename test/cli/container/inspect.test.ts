import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('cli/container/inspect as root');
const asUser = suite('cli/container/inspect as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, script: string, ...options: readonly string[]) =>
    cli.ok('run', '--network', 'none', '-d', '--name', name, ...options, rootfs, '/bin/sh', '-c', script);
  test.after.each(() => cli.clear());

  test('inspect prints a container under docker’s keys', () => {
    const options = [
      '-e',
      'A=b',
      '-w',
      '/bin',
      '-l',
      'x=y',
      '-h',
      'box',
      '-v',
      '/etc:/e:ro',
      '--tmpfs',
      '/t',
      '--read-only',
      '--shm-size',
      '32m',
      '--add-host',
      'there:10.1.1.1',
      '--cap-drop',
      'MKNOD',
    ];
    // Each host lets root set limits; an ordinary user needs delegated cgroups.
    const limits = user === undefined ? ['-m', '64m', '--cpus', '0.5', '--pids-limit', '50'] : [];
    const id = detached(
      'seen',
      'sleep 1000',
      ...options,
      ...limits,
      '--stop-timeout',
      '3',
      '--restart',
      'on-failure:4',
    );
    const [found, ...others] = JSON.parse(cli.ok('inspect', 'seen'));
    assert.equal(others, []);
    assert.equal([found.Id, found.Name, found.Image, found.Rootfs], [id, 'seen', '', rootfs]);
    const { Status, Running, Pid, ExitCode, OOMKilled, StartedAt, FinishedAt } = found.State;
    assert.equal([Status, Running, ExitCode, OOMKilled], ['running', true, 0, false]);
    assert.ok(Date.parse(found.Created) <= Date.parse(StartedAt));
    assert.is(FinishedAt, '0001-01-01T00:00:00Z');
    assert.is(spawnSync('cat', [`/proc/${Pid}/root/etc/hostname`], { encoding: 'utf8' }).stdout, 'box\n');
    const { Env, Cmd, Entrypoint, Labels, User, WorkingDir, Hostname, StopTimeout } = found.Config;
    assert.ok(Env.includes('A=b'));
    assert.equal([Cmd, Entrypoint, User], [['/bin/sh', '-c', 'sleep 1000'], [], '']);
    assert.equal([Labels, WorkingDir, Hostname, StopTimeout], [{ x: 'y' }, '/bin', 'box', 3]);
    assert.equal(found.HostConfig.RestartPolicy, { Name: 'on-failure', MaximumRetryCount: 4 });
    assert.equal([found.HostConfig.NetworkMode, found.HostConfig.ReadonlyRootfs], ['none', true]);
    assert.equal(
      found.Mounts.map((mount: { Type: string; Destination: string; RW: boolean }) => [
        mount.Type,
        mount.Destination,
        mount.RW,
      ]),
      [
        ['bind', '/e', false],
        ['tmpfs', '/t', true],
      ],
    );
    const { Memory, MemorySwap, NanoCpus, PidsLimit, ShmSize, ExtraHosts, CapDrop, Privileged } = found.HostConfig;
    assert.equal([ShmSize, ExtraHosts, CapDrop, Privileged], [32 * 1024 ** 2, ['there:10.1.1.1'], ['MKNOD'], false]);
    const [memory, processors, processes] = user === undefined ? [64 * 1024 ** 2, 5e8, 50] : [0, 0, PidsLimit];
    assert.equal([Memory, MemorySwap, NanoCpus, PidsLimit], [memory, memory * 2, processors, processes]);
    const nowhere = { IPAddress: '', IPPrefixLen: 0, Gateway: '', MacAddress: '' };
    const noSixth = { GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, IPv6Gateway: '' };
    const none = { Aliases: [], DNSNames: [], ...nowhere, ...noSixth, NetworkID: '' };
    const SandboxKey = `/proc/${Pid}/ns/net`;
    assert.equal(found.NetworkSettings, { ...nowhere, SandboxKey, Ports: {}, Networks: { none } });
    assert.is(cli.field('seen', 'if .State.Health}}checked{{else}}unchecked{{end'), 'unchecked');
  });

  test('inspect of an ended container has its exit status', () => {
    detached('gone', 'exit 3');
    cli.ok('wait', 'gone');
    const how = '{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}';
    assert.is(cli.ok('inspect', '-f', how, 'gone'), 'exited false 0 3');
    assert.ok(Date.parse(cli.field('gone', '.State.StartedAt')) <= Date.parse(cli.field('gone', '.State.FinishedAt')));
  });

  test('inspect takes a container before an image of the same name, and --type chooses', () => {
    const archive = join(tempDir(0o755), 'image.tar.gz');
    copyFileSync(EXAMPLE_IMAGE, archive);
    chmodSync(archive, 0o644);
    cli.ok('load', '-i', archive);
    cli.ok('tag', 'tsimg/example', 'twin');
    const imageId = cli.ok('inspect', '-f', '{{.Id}}', 'twin');
    assert.match(imageId, /^sha256:/);
    const id = cli.ok(
      'run',
      '--network',
      'none',
      '-d',
      '--name',
      'twin',
      'twin',
      'sh',
      '-c',
      'echo > /mine; sleep 1000',
    );
    assert.is(cli.ok('inspect', '-f', '{{.Id}}', 'twin'), id);
    assert.is(cli.field('twin', '.Image'), imageId);
    assert.is(cli.field('twin', '.Config.Image'), 'twin');
    assert.is(cli.ok('inspect', '--type', 'image', '-f', '{{.Id}}', 'twin'), imageId);
    assert.is(cli.run('inspect', '--type', 'container', 'tsimg/example').status, 3);
    const neither = cli.run('inspect', 'nothing');
    assert.is(neither.status, 3);
    assert.match(neither.stderr, 'no container nothing, and no image nothing:latest in the store');
    // Changes belong to the container, and are kept when it is started again.
    cli.ok('stop', '-t', '0', 'twin');
    cli.ok('start', 'twin');
    const pid = cli.field('twin', '.State.Pid');
    assert.is(spawnSync('ls', [`/proc/${pid}/root/mine`]).status, 0);
  });

  test('a network is joined by the name of its container, while the container runs', async () => {
    detached('one', 'busybox readlink /proc/self/ns/net; sleep 1000');
    const join = (other: string) =>
      cli.run('run', '--rm', '--network', `container:${other}`, rootfs, 'busybox', 'readlink', '/proc/self/ns/net');
    await until('it is told', () => cli.ok('logs', 'one') !== '');
    assert.is(join('one').stdout, `${cli.ok('logs', 'one')}\n`);
    assert.is(join(cli.field('one', '.Id')).stdout, `${cli.ok('logs', 'one')}\n`);
    cli.ok('run', '-d', '--name', 'two', '--network', 'container:one', rootfs, 'sleep', '1000');
    cli.ok('stop', '-t', '0', 'two');
    cli.ok('stop', '-t', '0', 'one');
    const { status, stderr } = join('one');
    assert.is(status, 125);
    assert.match(stderr, 'the container is not running (one)');
    assert.match(cli.run('start', 'two').stderr, 'the container is not running (one)');
    cli.ok('start', 'one');
    cli.ok('start', 'two');
    assert.is(join('nobody').status, 125);
  });

  test('stats prints the resources of running containers', () => {
    detached('busy', 'while :; do :; done');
    detached('idle', 'sleep 1000');
    const [idle, busy, ...others] = JSON.parse(cli.ok('stats', '--no-stream', '--json'));
    // It stays, and is in the way of nobody
    process.kill(Number(cli.field('busy', '.State.Pid')), 'SIGSTOP');
    assert.equal(others, []);
    assert.equal([idle.name, busy.name], ['idle', 'busy']);
    assert.ok(busy.processorPercent > 1, String(busy.processorPercent));
    assert.ok(idle.processorPercent < busy.processorPercent);
    for (const { memory, memoryLimit, tasks, network } of [idle, busy]) {
      assert.ok(memory > 4096 && memory < 64 * 1024 ** 2, String(memory));
      assert.ok(memoryLimit > memory);
      assert.is(tasks, 1);
      assert.equal(network, { read: 0, written: 0 });
    }
    const table = cli.ok('stats', '--no-stream', 'busy');
    assert.match(
      table,
      /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n[0-9a-f]{12} +busy/,
    );
    assert.is(cli.ok('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'idle'), 'idle 1');
    cli.ok('stop', '-t', '0', 'idle');
    assert.is(cli.run('stats', '--no-stream', 'idle').status, 1);
    assert.is(cli.run('stats', '--no-stream', 'nobody').status, 3);
  });

  const hasMemory = [...probeCgroups().v1, ...probeCgroups().v2].some(({ controllers }) =>
    controllers.includes('memory'),
  );
  if (user === undefined && hasMemory) {
    test('inspect and run report that the kernel killed a container for its memory limit', () => {
      detached('greedy', 'busybox tail /dev/zero', '-m', '16m');
      assert.is(cli.ok('wait', 'greedy'), '137');
      assert.is(cli.field('greedy', '.State.OOMKilled'), 'true');
      assert.is(cli.field('greedy', '.State.ExitCode'), '137');
      assert.match(cli.field('greedy', '.HostConfig.Memory'), String(16 * 1024 ** 2));
    });
  }
});

asRoot.run();
asUser.run();
