import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stateRootOf } from '../../support/command/state-root.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { withNetworkWorld } from '../../support/host/network-suite.ts';
import { ask, serveOnPort80, TSIMG, tellSource } from '../../support/host/network-world.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

/** A server that echoes the first line that it gets: pasta of 2023 loses data that a server sends first. */
const SERVE = serveOnPort80('head -n 1');
const SAY = 'served\n';

/** For each tool, the option that gives access to the host's loopback, and the address of that. */
const KINDS = [
  { kind: 'pasta', loopback: 'pasta:--map-gw', gateway: '198.51.100.2' },
  { kind: 'slirp4netns', loopback: 'slirp4netns:allow_host_loopback=true', gateway: '10.0.2.2' },
];

const user =
  haveRoot() && haveTools('busybox', 'ip', 'nsenter', 'newuidmap', 'useradd') ? makeOrdinaryUser() : undefined;

for (const { kind, loopback, gateway } of KINDS) {
  if (user === undefined || !haveTools(kind)) continue;
  const test = suite(`host/network ${kind}`);
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  chownSync(rootfs, user.uid, user.gid);
  const net = withNetworkWorld(test);
  const command = (options: readonly string[], words: readonly string[]) => [
    ...TSIMG,
    'run',
    '-q',
    '--rm',
    '--root',
    stateRootOf(user),
    ...options,
    rootfs,
    ...words,
  ];
  // Input stays open for a while: pasta of 2023 sends answers twice to a client that closes its side first.
  const runFileHelper = (options: readonly string[], address: string, port: number) =>
    net.world.onHost(command(options, ['/bin/sh', '-c', `sleep 1.5 | busybox nc -w 3 ${address} ${port}`]), user);
  const helpers = () =>
    net.world
      .onHost([
        'sh',
        '-c',
        `grep -la '^[^ ]*${kind}' /proc/[0-9]*/cmdline | ` +
          `while read f; do grep -qa 'Uid:\t${user.uid}\t' "$(dirname $f)/status" && echo $f; done`,
      ])
      .stdout.trim();

  test('a user’s container reaches other hosts, by the host’s address', async () => {
    await net.ready(net.world.startOutside(tellSource(net.world.outside, 7000)));
    const script = `sleep 1.5 | busybox nc -w 3 ${net.world.outside} 7000`;
    const { stdout } = net.world.onHost(command(['--network', kind], ['/bin/sh', '-c', script]), user);
    // pasta maps the gateway's address to the host only on request.
    assert.is(stdout, `from ${net.world.host}`);
  });

  test('/etc files that the user mounts are not replaced', () => {
    const path = join(tempDir(0o755), 'mine');
    writeFileSync(path, 'mine\n', { mode: 0o644 });
    const options = ['/etc/hosts', '/etc/resolv.conf'].flatMap((file) => ['-v', `${path}:${file}`]);
    const { stdout, stderr } = net.world.onHost(
      command(['--network', kind, ...options], ['/bin/cat', '/etc/hosts', '/etc/resolv.conf']),
      user,
    );
    assert.is(stdout, 'mine\nmine\n', stderr);
  });

  test('it reaches servers on the host’s loopback on request only', async () => {
    await net.ready(net.world.startOnHost(tellSource('127.0.0.1', 7001)));
    assert.is(runFileHelper(['--network', loopback], gateway, 7001).stdout, 'from 127.0.0.1');
    assert.is(runFileHelper(['--network', kind], gateway, 7001).stdout, '');
  });

  test('a published port is reached from the host and from outside, another is not', async () => {
    await net.ready(
      net.world.startOnHost(command(['--network', kind, '-p', '8080:80', '-p', '127.0.0.1:8081:80'], SERVE), user),
    );
    assert.is(net.world.onHost(ask('127.0.0.1', 8080, SAY)).stdout, 'served\n');
    assert.is(net.world.onHost(ask('127.0.0.1', 8081, SAY)).stdout, 'served\n');
    assert.is(net.world.onOutside(ask(net.world.host, 8080, SAY)).stdout, 'served\n');
    assert.is(net.world.onOutside(ask(net.world.host, 8081, SAY)).stdout, '');
    assert.is(net.world.onOutside(ask(net.world.host, 80, SAY)).stdout, '');
  });

  test(`${kind} ends with its container, and when tsimg is killed`, async () => {
    assert.is(net.world.onHost(command(['--network', kind], ['true']), user).status, 0);
    assert.is(helpers(), '');
    const server = await net.ready(net.world.startOnHost(command(['--network', kind], SERVE), user));
    assert.is.not(helpers(), '');
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    const late = Date.now() + 30_000;
    while (helpers() !== '' && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.is(helpers(), '');
  });

  test('a user’s other container joins its network', async () => {
    await net.ready(net.world.startOnHost(command(['--network', kind], SERVE), user));
    const pid = net.world.findIn(rootfs, '^busybox.nc.-ll');
    const script = '{ echo served; sleep 1; } | busybox nc -w 3 127.0.0.1 80';
    const { stdout } = net.world.onHost(command(['--network', `container:${pid}`], ['/bin/sh', '-c', script]), user);
    assert.is(stdout, 'served\n');
  });

  test('a bridge is refused to a user, with a way out', () => {
    const { status, stderr } = net.world.onHost(command(['--network', 'bridge'], ['true']), user);
    assert.is(status, 125);
    assert.match(stderr, 'only root');
    assert.match(stderr, '--network pasta');
  });

  test.run();
}
