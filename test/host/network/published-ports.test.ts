import { chownSync, existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { withNetworkWorld } from '../../support/host/network-suite.ts';
import { ask, TSIMG } from '../../support/host/network-world.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

/** A container's command that answers on ports 80 and 81 with the line that it gets. */
const SERVE = ['/bin/sh', '-c', 'for p in 80 81; do busybox nc -ll -p $p -e head -n 1 & done; wait'];
const SAY = 'served\n';

interface Kind {
  readonly network: string;
  readonly user: OrdinaryUser | undefined;
}

const mayRun = haveRoot() && haveTools('busybox', 'ip', 'nft', 'nsenter', 'newuidmap', 'useradd');
const user = mayRun ? makeOrdinaryUser() : undefined;
const KINDS: readonly Kind[] = [
  { network: 'bridge', user: undefined },
  ...(user === undefined ? [] : ['pasta', 'slirp4netns'].filter((kind) => haveTools(kind))).map((network) => ({
    network,
    user,
  })),
];

for (const { network, user } of KINDS) {
  const test = suite(`host/network published ports by ${network}`);
  if (!mayRun) continue;
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  if (user !== undefined) chownSync(rootfs, user.uid, user.gid);
  const net = withNetworkWorld(test);
  const tsimg = (...words: readonly string[]) => net.world.tsimgOnHost(words, user);
  const ok = (...words: readonly string[]) => {
    const { status, stdout, stderr } = tsimg(...words);
    assert.is(status, 0, `${words.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const start = (name: string, ...options: readonly string[]) =>
    ok('run', '-d', '-q', '--name', name, '--network', network, ...options, rootfs, ...SERVE);
  const answered = async (address: string, port: number) => {
    // The server may come a moment after its container
    for (let turn = 0; turn < 100; turn += 1) {
      if (net.world.onHost(ask(address, port, SAY)).stdout === SAY) return true;
    }
    return false;
  };
  test.after.each(() => {
    const names = tsimg('ps', '-aq').stdout.split('\n').filter(Boolean);
    if (names.length > 0) tsimg('rm', '-f', ...names);
  });

  test('a free port of the host is chosen, told by port, ps and inspect, and kept over a restart', async () => {
    start('web', '-p', '80', '-p', '127.0.0.1::81', '-p', '8080-8081:82', '-p', '8080:83', '-p', '0:53/udp');
    const lines = ok('port', 'web').split('\n');
    const shown = lines.map((line) => line.replace(/:(?!808)[0-9]+$/, ':PORT'));
    // 8080 is named, so the range has only 8081 left.
    assert.equal(shown, [
      '80/tcp -> 0.0.0.0:PORT',
      '81/tcp -> 127.0.0.1:PORT',
      '82/tcp -> 0.0.0.0:8081',
      '83/tcp -> 0.0.0.0:8080',
      '53/udp -> 0.0.0.0:PORT',
    ]);
    const ports = JSON.parse(ok('port', '--json', 'web'));
    assert.is(ok('port', 'web', '80'), `0.0.0.0:${ports[0].hostPort}`);
    assert.is(ok('port', 'web', '53/udp'), `0.0.0.0:${ports[4].hostPort}`);
    assert.ok(await answered('127.0.0.1', ports[0].hostPort));
    assert.ok(await answered('127.0.0.1', ports[1].hostPort));
    assert.match(ok('ps'), `0.0.0.0:${ports[0].hostPort}->80/tcp, 127.0.0.1:${ports[1].hostPort}->81/tcp`);
    const [{ NetworkSettings, HostConfig }] = JSON.parse(ok('inspect', 'web'));
    assert.equal(NetworkSettings.Ports['80/tcp'], [{ HostIp: '0.0.0.0', HostPort: String(ports[0].hostPort) }]);
    assert.equal(HostConfig.PortBindings['80/tcp'], [{ HostIp: '0.0.0.0', HostPort: '' }]);
    const missing = tsimg('port', 'web', '80/udp');
    assert.is(missing.status, 1);
    assert.match(missing.stderr, 'the port is not published (web: 80/udp)');
    ok('restart', '-t', '0', 'web');
    assert.equal(ok('port', 'web').split('\n'), lines);
    assert.ok(await answered('127.0.0.1', ports[0].hostPort));
    ok('kill', 'web');
    ok('wait', 'web');
    assert.match(tsimg('port', 'web').stderr, 'not running');
  });

  // slirp4netns gets its ports as pasta does
  const once = network === 'slirp4netns' ? () => {} : test;

  once('a chosen port that another container has meanwhile taken is chosen anew', () => {
    start('first', '-p', '80');
    const before = ok('port', 'first', '80').split(':')[1];
    ok('kill', 'first');
    ok('wait', 'first');
    start('second', '-p', `${before}:80`);
    ok('start', 'first');
    assert.is.not(ok('port', 'first', '80').split(':')[1], before);
  });

  once('containers that start at once get different ports, and a range that is full is refused', async () => {
    const range = '9100-9102:80';
    const options = ['-d', '-q', '--network', network, '-p', range];
    const starting = [1, 2, 3].map((number) =>
      net.world.startOnHost([...TSIMG, 'run', ...options, '--name', `box${number}`, rootfs, ...SERVE], user),
    );
    const statuses = await Promise.all(
      starting.map((child) => new Promise((resolve) => child.once('exit', (status) => resolve(status)))),
    );
    assert.equal(statuses, [0, 0, 0]);
    const ports = [1, 2, 3].map((number) => ok('port', `box${number}`, '80'));
    assert.equal(ports.sort(), ['0.0.0.0:9100', '0.0.0.0:9101', '0.0.0.0:9102']);
    const { status, stderr } = tsimg('run', '--rm', ...options.slice(2), rootfs, 'true');
    assert.is(status, 125);
    assert.match(stderr, /0\.0\.0\.0:9100-9102\/tcp\): all of these are in use/);
  });

  if (network === 'slirp4netns') {
    test('an address of IPv6 is refused with a way out', () => {
      const { status, stderr } = tsimg('run', '--network', network, '-p', '[::1]:8080:80', rootfs, 'true');
      assert.is(status, 125);
      assert.match(stderr, 'use --network pasta');
    });
  }

  if (network === 'pasta') {
    test('a port at an address of IPv6 is published where the host has IPv6', async () => {
      const { stderr } = tsimg('run', '--network', network, '-p', '[::1]:8080:80', rootfs, 'true');
      assert.match(stderr, 'the network could not be made');
      const commands = ['address add 2001:db8::1/64 dev up0 nodad', 'route add default via 2001:db8::2 dev up0'];
      for (const command of commands) net.world.onHost(['ip', '-6', ...command.split(' ')]);
      start('sixth', '-p', '[::1]:8080:80');
      assert.is(ok('port', 'sixth'), '80/tcp -> [::1]:8080');
      assert.ok(await answered('::1', 8080));
    });
  }

  if (network === 'bridge') {
    test('-P publishes the ports that the image exposes', () => {
      ok('pack', '--expose', '80/tcp', '--expose', '53/udp', '-t', 'exposing', rootfs);
      ok('run', '-d', '-q', '--name', 'all', '--network', network, '-P', '--expose', '90', 'exposing', ...SERVE);
      assert.match(
        ok('port', 'all'),
        /^80\/tcp -> 0\.0\.0\.0:[0-9]+\n53\/udp -> 0\.0\.0\.0:[0-9]+\n90\/tcp -> 0\.0\.0\.0:[0-9]+$/,
      );
      ok('run', '-d', '-q', '--name', 'none', '--network', network, 'exposing', ...SERVE);
      assert.equal(JSON.parse(ok('inspect', 'none'))[0].NetworkSettings.Ports, { '80/tcp': null, '53/udp': null });
    });

    test('a port at an address of IPv6 leads to the container, for TCP and UDP', async () => {
      start('sixth', '-p', '[::1]:8080:80', '-p', '[::]::81');
      const [{ hostPort }] = JSON.parse(ok('port', '--json', 'sixth', '81'));
      assert.is(ok('port', 'sixth', '80'), '[::1]:8080');
      assert.match(ok('ps'), `[::1]:8080->80/tcp, [::]:${hostPort}->81/tcp`);
      assert.ok(await answered('::1', 8080));
      assert.ok(await answered('::1', hostPort));
      assert.is(net.world.onHost(ask('127.0.0.1', 8080, SAY)).stdout, '');
      const echo = `const s = require('node:dgram').createSocket('udp4');
        s.on('message', (text, { port, address }) => s.send(text, port, address)).bind(90);
        require('node:net').createServer({ allowHalfOpen: true }, (c) => {
          let text = '';
          c.on('data', (part) => (text += part)).on('end', () => setTimeout(() => c.end(text), 100));
        }).listen(91);`;
      const libraries = ['/lib', '/lib64', '/usr/lib'].filter((path) => existsSync(path));
      const volumes = [...libraries.map((path) => `-v${path}:${path}:ro`), `-v${process.execPath}:/bin/node:ro`];
      ok(
        'run',
        '-d',
        '-q',
        '--name',
        'datagrams',
        '-p',
        '[::1]:9090:90/udp',
        '-p',
        '[::1]:9091:91',
        ...volumes,
        rootfs,
        '/bin/node',
        '-e',
        echo,
      );
      const send = `const s = require('node:dgram').createSocket('udp6');
        const again = setInterval(() => s.send('datagram', 9090, '::1'), 100);
        const end = () => { clearInterval(again); clearTimeout(late); s.close(); };
        const late = setTimeout(end, 20000);
        s.once('message', (text) => { console.log(String(text)); end(); });`;
      assert.is(net.world.onHost([process.execPath, '-e', send]).stdout, 'datagram\n');
      // The client has ended its side when the answer comes.
      const half = `require('node:net').connect({ port: 9091, host: '::1', allowHalfOpen: true })
        .end('question').pipe(process.stdout);`;
      assert.is(net.world.onHost([process.execPath, '-e', half]).stdout, 'question');
    });
  }

  test.run();
}
