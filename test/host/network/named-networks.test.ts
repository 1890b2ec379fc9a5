import { chownSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isGone, until } from '../../support/command/container-cli.ts';
import { RESIDENT } from '../../support/command/resident-command.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { endOf, withNetworkWorld } from '../../support/host/network-suite.ts';
import { ask, nextText, TSIMG, tellSource } from '../../support/host/network-world.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

/** A container's command that answers on port 80 with the line that it gets. */
const SERVE = ['/bin/sh', '-c', 'busybox nc -ll -p 80 -e head -n 1'];

interface Kind {
  readonly name: string;
  readonly without: readonly string[];
  readonly user: OrdinaryUser | undefined;
}

const mayRun = haveRoot() && haveTools('busybox', 'ip', 'nft', 'iptables', 'nsenter', 'newuidmap', 'useradd');
const user = mayRun ? makeOrdinaryUser() : undefined;
const KINDS: readonly Kind[] = [
  { name: 'root, by nftables', without: [], user: undefined },
  { name: 'root, by iptables', without: ['nft'], user: undefined },
  ...(user === undefined || !haveTools('pasta') ? [] : [{ name: 'an ordinary user', without: [], user }]),
];

for (const { name, without, user } of KINDS) {
  const test = suite(`host/network named networks of ${name}`);
  if (!mayRun) continue;
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  if (user !== undefined) chownSync(rootfs, user.uid, user.gid);
  const net = withNetworkWorld(test, { without });
  const tsimg = (...words: readonly string[]) => net.world.tsimgOnHost(words, user);
  const ok = (...words: readonly string[]) => {
    const { status, stdout, stderr } = tsimg(...words);
    assert.is(status, 0, `${words.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const start = (network: string, name: string, ...options: readonly string[]) =>
    ok('run', '-d', '-q', '--name', name, '--network', network, ...options, rootfs, ...SERVE);
  const inside = (network: string, script: string) =>
    tsimg('run', '--rm', '-q', '--network', network, rootfs, '/bin/sh', '-c', script).stdout.trim();
  /** Asks a server from a container, for the server may come a moment after its container. */
  const asked = (network: string, address: string, turns = 50) =>
    inside(
      network,
      `for n in $(busybox seq ${turns}); do { echo served; sleep 0.2; } | busybox nc -w 2 ${address} 80 && break; sleep 0.1; done`,
    );
  /** Kills a container's monitor, and waits until the command, and the stub between them, have ended too. */
  const killMonitor = async (container: string) => {
    const pids = ok('inspect', '-f', '{{.State.ConmonPid}} {{.State.Pid}}', container).split(' ');
    net.world.onHost(['kill', '-KILL', pids[0] ?? '']);
    await until('its processes have ended', () => pids.every(isGone));
    await until('it is told', () => ok('inspect', '-f', '{{.State.Status}}', container) === 'exited');
  };
  test.after(() => {
    // The user's directory for running containers is made by tsimg, and so is the user by this test.
    if (user !== undefined) rmSync(join(tmpdir(), `tsimg-${user.uid}`), { recursive: true, force: true });
  });
  test.after.each(() => {
    const names = tsimg('ps', '-aq').stdout.split('\n').filter(Boolean);
    if (names.length > 0) tsimg('rm', '-f', ...names);
    tsimg('network', 'prune', '-f');
  });

  test('containers of a network find each other by name, also those that come later, and others do not', async () => {
    ok('network', 'create', 'shop');
    ok('network', 'create', '--subnet', '10.77.0.0/24', 'other');
    const watch = 'until grep -q db /etc/hosts; do sleep 0.1; done; echo seen; sleep 1000';
    const earlyId = ok('run', '-d', '-q', '--name', 'early', '--network', 'shop', rootfs, '/bin/sh', '-c', watch);
    start('shop', 'db', '--network-alias', 'store');
    for (const each of ['db', 'store']) assert.is(asked('shop', each), 'served');
    const follow = net.world.startOnHost([...TSIMG, 'logs', '-f', 'early'], user);
    assert.is(await nextText(follow), 'seen');
    await endOf(follow);
    ok('rename', 'db', 'base');
    const known = ok('exec', 'early', 'busybox', 'cat', '/etc/hosts');
    assert.equal(
      ['base', 'store', 'db'].filter((each) => new RegExp(`\\s${each}\\b`).test(known)),
      ['base', 'store'],
    );
    ok('rename', 'base', 'db');
    const [{ IPAM, Containers }] = JSON.parse(ok('network', 'inspect', 'shop'));
    const db = Object.values<{ Name: string; MacAddress: string; IPv4Address: string }>(Containers).find(
      (each) => each.Name === 'db',
    );
    const address = db?.IPv4Address.split('/')[0];
    assert.match(IPAM.Config[0].Subnet, /^10\.209\.64\.0\/24$/);
    const how =
      '{{.NetworkSettings.IPAddress}} {{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{json $at}}';
    const [first, network, ...endpoint] = ok('inspect', '-f', `${how}{{end}}`, 'db').split(' ');
    assert.equal([first, network], [address, 'shop']);
    const { Aliases, DNSNames, IPPrefixLen, Gateway, MacAddress, NetworkID } = JSON.parse(endpoint.join(' '));
    assert.equal([Aliases, DNSNames.includes('db'), DNSNames.includes('store')], [['store'], true, true]);
    assert.equal([IPPrefixLen, Gateway, MacAddress], [24, IPAM.Config[0].Gateway, db?.MacAddress]);
    assert.is(NetworkID.slice(0, 12), ok('network', 'ls', '-q', '--filter', 'name=shop'));
    assert.match(ok('exec', 'db', 'busybox', 'ifconfig', 'eth0').toLowerCase(), MacAddress);
    // Another network has neither the names nor the way, in whatever order the rules came.
    assert.match(inside('other', 'ip -o addr'), 'inet 10.77.0.2/24');
    start('other', 'neighbour');
    assert.is(inside('other', `for each in db ${address}; do echo served | busybox nc -w 1 $each 80; done`), '');
    assert.is(asked('other', 'neighbour'), 'served');
    assert.is(inside('shop', 'echo served | busybox nc -w 1 10.77.0.2 80'), '');
    if (user === undefined) assert.is(inside('bridge', `echo served | busybox nc -w 1 ${address} 80`), '');
    const used = tsimg('network', 'rm', 'shop');
    assert.is(used.status, 1);
    assert.match(used.stderr, /containers are on the network \(shop\): .*db/);
    for (const [networks, say] of [
      [['none', 'shop'], 'the first one is none'],
      [['shop', 'shop'], 'shop is named twice'],
      [['shop', 'host'], 'not a further network'],
      [['shop', 'nothing'], 'no such network'],
    ] as const) {
      const { status, stderr } = tsimg('run', ...networks.flatMap((each) => ['--network', each]), rootfs, 'true');
      assert.equal([status, stderr.includes(say)], [125, true], stderr);
    }
    ok('rm', '-f', 'early', 'db');
    // What is left of a killed one goes with its network.
    await killMonitor('neighbour');
    assert.is(ok('network', 'rm', 'other'), 'other');
    assert.not.match(net.world.onHost(['ip', '-brief', 'link']).stdout, 'tsimgn');
    ok('rm', '-f', 'neighbour');
    assert.is(ok('network', 'rm', 'shop'), 'shop');
    assert.is(tsimg('run', '--network', 'shop', rootfs, 'true').status, 125);
    const told = ['events', '--since', '1h', '--until', '0s', '--filter', `container=${earlyId}`];
    assert.match(ok(...told, '--format', '{{.Action}}'), /^create\nstart\n(exec_.*\n)+kill\ndie\ndestroy$/);
    const about = ['events', '--since', '1h', '--until', '0s', '--filter', 'type=network', '--filter', 'network=shop'];
    const events = ok(...about, '--format', '{{.Action}} {{.Actor.Attributes.container}}').split('\n');
    assert.equal([events[0], events.at(-1)], ['create <no value>', 'destroy <no value>']);
    const own = events.filter((each) => each.endsWith(earlyId)).map((each) => each.split(' ')[0]);
    assert.equal(own, ['connect', 'disconnect']);
    const left = net.world.onHost(['sh', '-c', 'ip -brief link; nft list ruleset; iptables-save']).stdout;
    assert.is(/tsimgn|TSIMG-[A-Z]+-|tsimg_/.exec(left), null);
  });

  test('a container on several networks reaches the containers of each, and they find it', async () => {
    ok('network', 'create', '--internal', 'inner');
    ok('network', 'create', '--subnet', '10.78.0.0/24', 'outer');
    start('inner', 'db');
    start('outer', 'front');
    const both = ['--network', 'inner', '--network', 'outer', '--network-alias', 'shared'];
    ok('run', '-d', '-q', '--name', 'both', ...both, rootfs, ...SERVE);
    /** The lines of a container's hosts file with a name. */
    const known = (container: string, name: string) =>
      ok('exec', container, 'busybox', 'cat', '/etc/hosts')
        .split('\n')
        .filter((line) => new RegExp(`\\s${name}(\\s|$)`).test(line)).length;
    const reached = (name: string) =>
      ok(
        'exec',
        'both',
        '/bin/sh',
        '-c',
        `for n in $(busybox seq 50); do { echo served; sleep 0.2; } | busybox nc -w 2 ${name} 80 && break; sleep 0.1; done`,
      );
    for (const name of ['db', 'front']) assert.is(reached(name), 'served');
    assert.equal([known('db', 'both'), known('front', 'shared'), known('both', 'both')], [1, 1, 2]);
    assert.equal([known('db', 'front'), known('front', 'db')], [0, 0]);
    assert.match(ok('exec', 'both', 'busybox', 'ip', 'route'), /^default via 10\.78\.0\.1 dev eth1/);
    const networks = '{{range $name, $at := .NetworkSettings.Networks}}{{$name}}={{$at.IPAddress}} {{end}}';
    assert.match(ok('inspect', '-f', networks, 'both'), /^inner=10\.\S+ outer=10\.78\.0\.3$/);
    const places = ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{.IPv4Address}},{{end}}', 'outer');
    assert.match(places, 'both 10.78.0.3/24,');
    // The networks stay through another start, and so does a name that was given meanwhile
    const found = (filter: string) => ok('ps', '--filter', `network=${filter}`, '--format', '{{.Names}}').split('\n');
    assert.equal(found('inner'), ['both', 'db']);
    assert.equal(found(ok('network', 'ls', '-q', '--filter', 'name=outer')), ['both', 'front']);
    assert.equal(found('inne'), ['']);
    assert.is(ok('ps', '-f', 'name=both', '--format', '{{.Networks}}'), 'inner,outer');
    ok('rename', 'both', 'two');
    assert.equal(
      ['both', 'two'].map((name) => known('front', name)),
      [0, 1],
    );
    ok('restart', '-t', '0', 'two');
    assert.is(known('db', 'two'), 1);
    start('outer', 'late');
    assert.is(known('two', 'late'), 1);
    assert.match(tsimg('network', 'rm', 'outer').stderr, 'two');
    // Of a killed one nothing is left on either network.
    await killMonitor('two');
    ok('rm', '-f', 'two');
    assert.equal(
      ['db', 'front'].map((name) => known(name, 'two')),
      [0, 0],
    );
    ok('rm', '-f', 'db', 'front', 'late');
    ok('network', 'rm', 'inner', 'outer');
    if (user === undefined) assert.not.match(net.world.onHost(['ip', '-brief', 'link']).stdout, 'tsimg');
  });

  // Only the rules that keep networks apart are others by iptables
  const once = without.length > 0 ? () => {} : test;

  once('a network reaches the outside and publishes ports; an internal one does neither', async () => {
    ok('network', 'create', 'open');
    ok('network', 'create', '--internal', '--label', 'a=b', 'closed');
    await net.ready(net.world.startOutside(tellSource(net.world.outside, 7000)));
    // Input stays open for a while: pasta of 2023 sends answers again to a client that closes its side first.
    const out = `sleep 1.5 | busybox nc -w 3 ${net.world.outside} 7000`;
    assert.is(inside('open', out), `from ${net.world.host}`);
    assert.is(inside('closed', out), '');
    assert.not.match(inside('closed', 'ip route'), 'default');
    start('open', 'web', '-p', '8080:80', '-p', '80');
    const port = Number(ok('port', 'web', '80').split(':').at(-1));
    for (const each of [8080, port]) {
      let answer = '';
      for (let turn = 0; turn < 50 && answer === ''; turn += 1) {
        answer = net.world.onHost(ask('127.0.0.1', each, 'served\n')).stdout;
      }
      assert.is(answer, 'served\n');
      assert.is(net.world.onOutside(ask(net.world.host, each, 'served\n')).stdout, 'served\n');
    }
    // A client that ends its side first gets the answer all the same.
    const ending = ['sh', '-c', 'echo served | busybox nc -w 3 127.0.0.1 8080'];
    assert.is(net.world.onHost(ending).stdout, 'served\n');
    ok('restart', '-t', '0', 'web');
    start('closed', 'hidden');
    assert.is(asked('closed', 'hidden'), 'served');
    const refused = tsimg('run', '--network', 'closed', '-p', '81:80', rootfs, 'true');
    assert.is(refused.status, 125);
    assert.match(refused.stderr, 'it is internal');
  });

  if (user !== undefined) {
    /** Processes of the user's, which are those of the network: no other test runs as this user. */
    const look = `for each in $(grep -ls '^Uid:\t${user.uid}\t' /proc/[0-9]*/status); do
      grep -qsa ${RESIDENT} "\${each%status}cmdline" || echo "$each"; done`;
    const processes = () => net.world.onHost(['sh', '-c', look]).stdout.split('\n').filter(Boolean);
    const files = () =>
      net.world.onHost(['find', `${tmpdir()}/tsimg-${user.uid}/network`, '-mindepth', '1', '!', '-name', 'lock'])
        .stdout;

    test('a user’s network ends with its last container, also where all of tsimg is killed', async () => {
      ok('network', 'create', 'mine');
      assert.is(inside('mine', 'echo in'), 'in');
      await until('its processes have ended', () => processes().length === 0);
      assert.is(files(), '');
      start('mine', 'one', '-p', '8080:80');
      start('mine', 'two', '--userns', 'keep-id');
      assert.is(asked('mine', 'two'), 'served');
      ok('restart', '-t', '0', 'one');
      for (const each of ['one', 'two']) {
        await killMonitor(each);
        // The other one still has the network.
        if (each === 'one') assert.is(asked('mine', 'two'), 'served');
      }
      await until('its processes have ended', () => processes().length === 0);
      start('mine', 'three', '--userns', 'auto');
      assert.is(asked('mine', 'three'), 'served');
      ok('rm', '-f', 'one', 'two', 'three');
      await until('its processes have ended', () => processes().length === 0);
      assert.is(files(), '');
    });
  }

  if (user === undefined)
    once('networks are listed, and names and subnets that cannot be are refused', () => {
      const id = ok('network', 'create', '--label', 'x=y', '--subnet', '10.78.0.0/16', 'first');
      assert.is(ok('network', 'create', '--ignore', 'first'), id);
      ok('network', 'create', '--internal', 'second');
      assert.match(
        ok('network', 'ls'),
        /^NETWORK ID +NAME +DRIVER +SUBNET +INTERNAL\n[0-9a-f]{12} +first +bridge +10\.78\.0\.0\/16 +false\n/,
      );
      assert.is(
        ok('network', 'ls', '-q'),
        ok('network', 'inspect', '-f', '{{.Id}}', 'first', 'second').replace(/^(.{12}).*$/gm, '$1'),
      );
      assert.is(ok('network', 'ls', '--format', '{{.Name}} {{.Labels}}'), 'first x=y\nsecond');
      assert.is(JSON.parse(ok('network', 'inspect', '-f', 'json', 'first'))[0].Id, id);
      for (const filter of ['name=ir', 'label=x', 'label=x=y', `id=${id.slice(0, 6)}`]) {
        assert.is(ok('network', 'ls', '-f', filter, '--format', '{{.Name}}'), 'first', filter);
      }
      assert.is(ok('network', 'ls', '-q', '-f', 'driver=bridge', '--filter', 'name=none', '-f', 'label=x'), '');
      assert.is(ok('network', 'prune', '-f', '--filter', 'label=no'), '');
      assert.is(ok('network', 'rm', '-f', 'gone'), 'gone');
      const cases = [
        [2, 'not a filter', 'ls', '-f', 'shape=round'],
        [2, 'not a filter', 'ls', '--filter', 'driver=overlay'],
        [2, 'network prune has no --format', 'prune', '--format', '{{.Name}}'],
        [1, 'taken', 'create', 'first'],
        [2, 'not a name', 'create', 'bridge'],
        [2, 'not a name', 'create', '../x'],
        [2, 'overlaps', 'create', '--subnet', '10.78.3.0/24', 'third'],
        [2, 'not a subnet', 'create', '--subnet', '8.8.8.0/24', 'third'],
        [2, 'not a subnet', 'create', '--subnet', '10.1.1.1/24', 'third'],
        [2, 'takes one name', 'create'],
        [3, 'no such network', 'inspect', 'third'],
        [3, 'no such network', 'rm', 'third'],
      ] as const;
      for (const [status, words, ...args] of cases) {
        const result = tsimg('network', ...args);
        assert.is(result.status, status, args.join(' '));
        assert.match(result.stderr, words);
      }
      assert.is(ok('network', 'rm', id.slice(0, 12)), id.slice(0, 12));
      for (const verbs of [['network'], ['volume'], []]) {
        const { status, stderr } = tsimg(...verbs, 'prune');
        assert.equal([status, /without a yes.*--force/s.test(stderr)], [2, true], stderr);
      }
      assert.is(ok('network', 'prune', '-f'), 'second');
      assert.is(ok('network', 'ls', '-q'), '');
    });

  test.run();
}
