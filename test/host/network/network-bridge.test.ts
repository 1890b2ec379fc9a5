import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { endOf, withNetworkWorld } from '../../support/host/network-suite.ts';
import { ask, nextText, serveOnPort80, TSIMG, tellSource } from '../../support/host/network-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

/** A server in the container that prints `ready`, and sends the same text to each client. */
const SERVE = serveOnPort80('echo served');

/** The rules by nft, and by iptables where nft is missing. */
for (const [name, without] of Object.entries({ nftables: [], iptables: ['nft'] })) {
  const test = suite(`host/network bridge by ${name}`);
  if (!haveRoot() || !haveTools('busybox', 'ip', 'nft', 'iptables', 'nsenter', 'unshare', 'setpriv')) continue;
  /** Tests that do not depend on the rules run with one of the two. */
  const once = without.length === 0 ? test : () => {};
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const net = withNetworkWorld(test, { without });

  const call = (options: readonly string[], words: readonly string[]) => [
    'run',
    '--network',
    'bridge',
    ...options,
    rootfs,
    ...words,
  ];
  const command = (options: readonly string[], words: readonly string[]) => [...TSIMG, ...call(options, words)];
  const run = (options: readonly string[], script: string) =>
    net.world.tsimgOnHost(call(options, ['/bin/sh', '-c', script]));
  const serve = (...options: readonly string[]) => net.ready(net.world.startOnHost(command(options, SERVE)));
  /** Leftovers on the host: the bridge, its devices, rules and files. */
  const leftovers = () => {
    const look = 'ip -brief link; nft list ruleset; iptables -S; iptables -t nat -S; find /run/tsimg/network -type f';
    return net.world
      .onHost(['sh', '-c', `{ ${look}; } 2>/dev/null`])
      .stdout.split('\n')
      .filter((line) => /tsimg/i.test(line) && !line.endsWith('/network/lock'));
  };

  once('a container has an address, a way out, and nothing of IPv6 but its loopback', () => {
    const { stdout, stderr, status } = run([], 'ip -o addr; ip route; cat /etc/hosts');
    assert.is(status, 0, stderr);
    assert.match(stdout, /eth0 +inet 10\.209\.0\.2\/24/);
    assert.match(stdout, 'default via 10.209.0.1 dev eth0');
    assert.not.match(stdout, /eth0 +inet6/);
    assert.match(stdout, /^10\.209\.0\.2\t[0-9a-f]{12} [a-z0-9_]+$/m);
  });

  once('a file that the user mounts stands instead of the one that the bridge keeps up to date', () => {
    const path = join(tempDir(0o755), 'mine');
    writeFileSync(path, 'mine\n');
    const options = ['/etc/hosts', '/etc/resolv.conf'].flatMap((file) => ['-v', `${path}:${file}`]);
    const { stdout, stderr } = run(options, 'cat /etc/hosts /etc/resolv.conf');
    assert.is(stdout, 'mine\nmine\n', stderr);
  });

  test('nothing is left on the host when the last container is gone', () => {
    assert.is(run([], 'exit 7').status, 7);
    assert.equal(leftovers(), []);
  });

  once('two containers and the host speak with each other, and find each other by name', async () => {
    const server = await serve('--hostname', 'web', '--network-alias', 'shop', '--name', 'till');
    assert.is(net.world.onHost(ask('10.209.0.2', 80)).stdout, 'served\n');
    const script = 'for name in web shop till 10.209.0.2; do busybox nc -w 3 $name 80; done; cat /etc/hosts';
    const { stdout } = run(['--hostname', 'client', '--add-host', 'gate:host-gateway'], script);
    assert.match(stdout, /^served\nserved\nserved\nserved\n/);
    assert.match(stdout, '10.209.0.2\tweb shop till\n');
    assert.match(stdout, '10.209.0.1\tgate\n');
    assert.is(server.exitCode, null);
  });

  once('a container that was there before learns of one that comes, and forgets it when it goes', async () => {
    const watcher = await net.ready(
      net.world.startOnHost(
        command(
          ['--hostname', 'watcher'],
          [
            '/bin/sh',
            '-c',
            'echo ready; until grep -q late /etc/hosts; do sleep 0.1; done; echo seen; ' +
              'while grep -q late /etc/hosts; do sleep 0.1; done; echo forgotten',
          ],
        ),
      ),
    );
    const seen = nextText(watcher);
    const script = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done';
    const late = await net.ready(net.world.startOnHost(command(['--hostname', 'late'], ['/bin/sh', '-c', script])));
    assert.is(await seen, 'seen');
    const forgotten = nextText(watcher);
    late.kill('SIGTERM');
    assert.is(await forgotten, 'forgotten');
  });

  once(
    'in a network namespace beside one that has a bridge, of which /sys tells, a container has a bridge of that one',
    async () => {
      await serve();
      const [program, ...words] = command([], ['/bin/sh', '-c', 'ip -o addr']);
      const look =
        'ls -d /sys/class/net/tsimg0; exec unshare --net sh -c \'ip link set lo up; "$@"; ip -brief link\' sh "$@"';
      const script = `mount -t sysfs sysfs /sys; ${look}`;
      const inner = net.world.onHost(['unshare', '--mount', 'sh', '-c', script, 'sh', program ?? '', ...words]);
      assert.match(inner.stdout, /^\/sys\/class\/net\/tsimg0\n/);
      assert.match(inner.stdout, /eth0 +inet 10\.209\.0\.2\/24/, inner.stderr);
      assert.is(inner.status, 0, inner.stderr);
      // The lease is gone there, and still here.
      assert.not.match(inner.stdout, /^tsimg0/m);
      assert.is(net.world.onHost(ask('10.209.0.2', 80)).stdout, 'served\n');
    },
  );

  test('a container reaches other hosts by the host’s address', async () => {
    await net.ready(net.world.startOutside(tellSource(net.world.outside, 7000)));
    assert.is(run([], `busybox nc -w 3 ${net.world.outside} 7000`).stdout, `from ${net.world.host}`);
  });

  test('a published port is reached from outside, the host, its loopback, and other containers', async () => {
    await serve('-p', '8080:80');
    assert.is(net.world.onOutside(ask(net.world.host, 8080)).stdout, 'served\n');
    assert.is(net.world.onHost(ask(net.world.host, 8080)).stdout, 'served\n');
    assert.is(net.world.onHost(ask('127.0.0.1', 8080)).stdout, 'served\n');
    assert.is(
      run([], `busybox nc -w 3 ${net.world.host} 8080; busybox nc -w 3 10.209.0.1 8080`).stdout,
      'served\nserved\n',
    );
  });

  test('a port that is published at the loopback only is not reached from outside', async () => {
    await serve('-p', '127.0.0.1:8080:80');
    assert.is(net.world.onHost(ask('127.0.0.1', 8080)).stdout, 'served\n');
    assert.is(net.world.onOutside(ask(net.world.host, 8080)).stdout, '');
  });

  test('a port that is not published is not reached from outside, even by a direct route', async () => {
    await serve();
    assert.is(net.world.onOutside(['ip', 'route', 'add', '10.209.0.0/24', 'via', net.world.host]).status, 0);
    assert.is(net.world.onHost(ask('10.209.0.2', 80)).stdout, 'served\n');
    assert.is(net.world.onOutside(ask('10.209.0.2', 80)).stdout, '');
    net.world.onOutside(['ip', 'route', 'delete', '10.209.0.0/24']);
  });

  test('a container does not reach the host’s loopback, whatever it does with its routes', async () => {
    await net.ready(net.world.startOnHost(tellSource('127.0.0.1', 7001)));
    const script = `ip addr del 127.0.0.1/8 dev lo
      ip route add 127.0.0.1/32 via 10.209.0.1
      ip route del local 127.0.0.1 table local
      busybox nc -w 2 127.0.0.1 7001; busybox nc -w 2 10.209.0.1 7001`;
    assert.is(run(['--cap-add', 'NET_ADMIN'], script).stdout, '');
  });

  test('UDP is published too', async () => {
    const echo = `const s = require('node:dgram').createSocket('udp4').bind(90, () => console.log('ready'));
      s.on('message', (text, from) => s.send(text, from.port, from.address));`;
    const libraries = ['/lib', '/lib64', '/usr/lib'].filter((path) => existsSync(path));
    const volumes = [...libraries.map((path) => `${path}:${path}:ro`), `${process.execPath}:/bin/node:ro`];
    const options = ['-p', '9090:90/udp', ...volumes.flatMap((volume) => ['-v', volume])];
    await net.ready(net.world.startOnHost(command(options, ['/bin/node', '-e', echo])));
    const send = `const s = require('node:dgram').createSocket('udp4');
      const again = setInterval(() => s.send('datagram', 9090, '${net.world.host}'), 100);
      const end = () => { clearInterval(again); clearTimeout(late); s.close(); };
      const late = setTimeout(end, 20000);
      s.once('message', (text) => { console.log(String(text)); end(); });`;
    assert.is(net.world.onOutside([process.execPath, '-e', send]).stdout, 'datagram\n');
  });

  once('a port that is taken is refused, and nothing is left of the launch', async () => {
    await serve('-p', '8080:80');
    const { status, stderr } = run(['-p', '8080:81'], 'true');
    assert.is(status, 125);
    assert.match(stderr, '0.0.0.0:8080/tcp');
    assert.match(stderr, 'in use');
    assert.is(leftovers().filter((line) => line.endsWith('.lease')).length, 1);
  });

  test('the leftovers of a killed tsimg are removed by the next run', async () => {
    const server = await serve('-p', '8080:80', '--hostname', 'gone');
    await endOf(server);
    assert.is.not(leftovers().length, 0);
    const { status, stdout } = run(['-p', '8080:80'], 'cat /etc/hosts');
    assert.is(status, 0);
    assert.not.match(stdout, 'gone');
    assert.equal(leftovers(), []);
  });

  test('the leftovers of a killed monitor are removed with its container', async () => {
    const tsimg = (...words: readonly string[]) => {
      const { status, stdout, stderr } = net.world.tsimgOnHost(words);
      assert.is(status, 0, stderr);
      return stdout.trim();
    };
    const options = ['-d', '--name', 'kiosk', '-p', '8080:80'];
    assert.match(net.world.tsimgOnHost(call(options, SERVE)).stdout, /^[0-9a-f]{64}\n$/);
    assert.is(tsimg('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'kiosk'), '10.209.0.2');
    assert.match(tsimg('ps'), '0.0.0.0:8080->80/tcp');
    const monitor = tsimg('inspect', '-f', '{{.State.ConmonPid}}', 'kiosk');
    net.world.onHost(['kill', '-KILL', monitor]);
    assert.is(tsimg('wait', 'kiosk'), '255');
    assert.is.not(leftovers().length, 0);
    tsimg('rm', 'kiosk');
    assert.equal(leftovers(), []);
  });

  once('a network namespace that is there is joined, by its path or a process in it', async () => {
    const server = await serve('--hostname', 'web');
    const pid = net.world.findIn(rootfs, '^busybox.nc.-ll.*served');
    for (const network of [`ns:/proc/${pid}/ns/net`, `container:${pid}`]) {
      const words = ['run', '--network', network, rootfs, '/bin/sh', '-c', 'busybox nc -w 3 127.0.0.1 80'];
      assert.is(net.world.tsimgOnHost(words).stdout, 'served\n', network);
    }
    assert.is(server.exitCode, null);
  });

  test.run();
}

if (haveRoot() && haveTools('busybox', 'ip')) {
  const test = suite('host/network without a firewall');
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const net = withNetworkWorld(test, { without: ['nft', 'iptables'] });

  test('without nft and iptables a bridge is refused, with a hint', () => {
    const { status, stderr } = net.world.onHost([...TSIMG, 'run', '--network', 'bridge', rootfs, 'true']);
    assert.is(status, 125);
    assert.match(stderr, 'neither nft, nor iptables');
    assert.match(stderr, 'install nftables');
  });

  test.run();
}
