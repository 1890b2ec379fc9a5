import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AROUND, PLAIN_REQUEST, ROOT_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { HostFacts, HostTools } from '../../../src/launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../../src/launch/launch-plan.ts';
import { formatIptables, formatNftables } from '../../../src/launch/network/firewall.ts';
import type { NamedNetwork } from '../../../src/launch/network/named-network.ts';
import { parsePublish, wantedPorts } from '../../../src/launch/network/publish.ts';
import { chooseAddress, chooseSubnet } from '../../../src/launch/network/subnet.ts';
import { bridgeHosts, parseAddHost } from '../../../src/launch/plan/network-files.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { formatNetwork as formatCommands } from '../../../src/launch/show/format-network.ts';
import { formatAddress, formatNetwork, parseAddress } from '../../../src/linux/ipv4.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/network/network-plan');

const TOOLS: HostTools = {
  ...USER_FACTS.tools,
  nsenter: '/n',
  ip: '/ip',
  nft: '/nft',
  pasta: '/pasta',
  slirp4netns: '/slirp',
};
const NETWORK = {
  ...ROOT_FACTS.network,
  namespace: '7',
  resolvConf: 'search lan\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n',
};
const ROOT: HostFacts = { ...ROOT_FACTS, tools: TOOLS, network: NETWORK };
const USER: HostFacts = { ...USER_FACTS, tools: TOOLS, network: { ...NETWORK, canOpenTun: true } };

function plan(request: Partial<RunRequest>, facts: HostFacts = ROOT): LaunchPlan {
  return planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts });
}

function refused(action: () => unknown): TsimgError {
  try {
    action();
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

function fileOf({ steps }: LaunchPlan, target: string): unknown {
  return steps.find((step) => step.do === 'file' && step.target === target);
}

test('a bridge is planned with names, ports and the directory of its state', () => {
  const { network, namespaces } = plan({
    network: 'bridge',
    hostname: 'web',
    networkAliases: ['shop'],
    publish: ['8080:80'],
  });
  assert.equal(network, {
    kind: 'bridge',
    id: AROUND.id,
    names: ['web', 'shop'],
    ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    hosts: [],
    directory: '/run/tsimg/network/7',
  });
  assert.ok(namespaces.includes('network'));
});

test('its hosts file belongs to the host; its resolv.conf omits servers that only the host reaches', () => {
  const made = plan({ network: 'bridge' });
  assert.equal(fileOf(made, '/etc/hosts'), {
    do: 'file',
    target: '/etc/hosts',
    content: { shared: `/run/tsimg/network/7/${AROUND.id}.hosts` },
  });
  assert.equal(fileOf(made, '/etc/resolv.conf'), {
    do: 'file',
    target: '/etc/resolv.conf',
    content: { text: 'search lan\nnameserver 192.0.2.53\n' },
  });
});

test('where only the host reaches its name server, the bridge warns and pasta forwards', () => {
  const only = { ...NETWORK, canOpenTun: true, resolvConf: 'nameserver 127.0.0.53\n' };
  assert.match(plan({ network: 'bridge' }, { ...ROOT, network: only }).warnings.join(), '--dns');
  const pasta = plan({ network: 'pasta' }, { ...USER, network: only });
  assert.equal(fileOf(pasta, '/etc/resolv.conf'), {
    do: 'file',
    target: '/etc/resolv.conf',
    content: { text: 'nameserver 169.254.1.1\n' },
  });
});

test('--dns, --dns-search and --dns-option replace the host’s settings', () => {
  const names = { dns: ['192.0.2.1', '2001:db8::1'], dnsSearch: ['example.com'], dnsOptions: ['ndots:2'] };
  assert.equal(fileOf(plan({ network: 'none', names }), '/etc/resolv.conf'), {
    do: 'file',
    target: '/etc/resolv.conf',
    content: { text: 'search example.com\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions ndots:2\n' },
  });
});

test('--add-host takes a colon or an equals sign, and several names', () => {
  for (const text of ['a:1.2.3.4', 'a=1.2.3.4']) assert.equal(parseAddHost(text), { address: '1.2.3.4', names: ['a'] });
  for (const text of ['a_b;c=[2001:db8::1]', 'a_b;c:2001:db8::1', 'a_b;c=2001:db8::1']) {
    assert.equal(parseAddHost(text), { address: '2001:db8::1', names: ['a_b', 'c'] });
  }
  assert.equal(parseAddHost('a=host-gateway'), { address: 'host-gateway', names: ['a'] });
});

for (const names of [
  { dns: ['x'] },
  { addHosts: ['a='] },
  { addHosts: ['=1.2.3.4'] },
  { addHosts: ['a;;b=1.2.3.4'] },
  { dns: ['1.2.3.4\nnameserver 6.6.6.6'] },
  { dnsSearch: ['a b'] },
  { addHosts: ['a b:1.2.3.4'] },
  { addHosts: ['a:b'] },
  { addHosts: [':1.2.3.4'] },
]) {
  test(`text that would add a line to a file is refused: ${JSON.stringify(names)}`, () => {
    assert.is(refused(() => plan({ network: 'none', names })).code, 'USAGE');
  });
}

test('of several networks, each has a device, and the first one that is not internal the default route', () => {
  const made = (name: string, address: string, internal: boolean): NamedNetwork => {
    const subnet = { address: parseAddress(address) ?? 0, bits: 24 };
    return { id: name.repeat(64), name, created: '', subnet, internal, labels: {} };
  };
  const [a, b, c] = [made('a', '10.1.0.0', true), made('b', '10.2.0.0', false), made('c', '10.3.0.0', false)];
  const on = (request: Partial<RunRequest>, named: NamedNetwork | undefined, further: readonly NamedNetwork[]) =>
    planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts: ROOT, named, further });
  const commands = formatCommands(on({ network: 'a' }, a, [b, c]).network).join('\n');
  for (const device of ['eth0', 'eth1', 'eth2']) assert.match(commands, `address add ADDRESS dev ${device}`);
  assert.is(commands.split('route add default').length, 2);
  assert.is(commands.split('masquerade').length, 3);
  assert.match(formatCommands(on({ network: 'bridge' }, undefined, [b]).network).join('\n'), /eth0.*default.*eth1/s);
  assert.match(refused(() => on({ network: 'a' }, a, [b, a])).why ?? '', 'a is named twice');
  assert.match(refused(() => on({ network: 'none' }, undefined, [a])).why ?? '', 'the first one is none');
});

test('a network that the host cannot make is refused with cause and remedy, never replaced', () => {
  const cases: readonly (readonly [string, HostFacts, string])[] = [
    ['bridge', USER, 'only root'],
    ['bridge', { ...ROOT, tools: { ...TOOLS, nft: undefined } }, 'neither nft, nor iptables with iptables-restore'],
    ['bridge', { ...ROOT, tools: { ...TOOLS, ip: undefined } }, 'no ip'],
    ['pasta', ROOT, 'ordinary users'],
    ['pasta', { ...USER, tools: { ...TOOLS, pasta: undefined } }, 'not installed'],
    ['slirp4netns', { ...USER, network: NETWORK }, '/dev/net/tun'],
  ];
  for (const [network, facts, why] of cases) {
    const error = refused(() => plan({ network }, facts));
    assert.is(error.code, 'HOST_UNSUPPORTED');
    assert.match(error.why ?? '', why);
    assert.ok(error.hint);
  }
});

for (const network of [
  '',
  'brigde',
  'bridge:x',
  'none:x',
  'ns:',
  'ns:relative',
  'container:',
  'container:gone',
  'pasta:-t,auto',
  'host:',
]) {
  test(`--network ${network} is refused`, () => {
    const facts = network.startsWith('pasta') ? USER : ROOT;
    assert.is(refused(() => plan({ network }, facts)).code, 'USAGE');
  });
}

test('ports are published only where the host can reach them', () => {
  for (const network of ['none', 'host', 'ns:/x']) {
    assert.is(refused(() => plan({ network, publish: ['80:80'] })).code, 'USAGE');
  }
});

test('an existing namespace is joined, for ordinary users together with its user namespace', () => {
  assert.equal(plan({ network: 'ns:/run/netns/x' }).network, { kind: 'join', path: '/run/netns/x' });
  // The container's first process joins it: no program is needed for that
  const bare = { ...ROOT, tools: {} };
  assert.equal(plan({ network: 'ns:/run/netns/x' }, bare).network, { kind: 'join', path: '/run/netns/x' });
  const process = { pid: 42, startTime: '1000', bootId: 'b' };
  const joined = planRun(
    EMPTY_RUN_CONFIG,
    { ...PLAIN_REQUEST, network: 'container:c' },
    {
      ...AROUND,
      facts: USER,
      joined: process,
    },
  );
  assert.equal(joined.network, { kind: 'join', path: '/proc/42/ns/net', userNamespace: '/proc/42/ns/user', process });
  assert.not.ok(joined.namespaces.includes('network'));
});

test('ports are read as docker reads them', () => {
  assert.equal(parsePublish('127.0.0.1:8080:80/udp'), [
    { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'udp' },
  ]);
  assert.is(parsePublish('1000-2023:1000-2023').length, 1024);
  assert.throws(() => parsePublish('1000-2024:1000-2024'), /not a port to publish/);
  assert.equal(parsePublish('0.0.0.0:1:2'), [{ hostPort: 1, containerPort: 2, protocol: 'tcp' }]);
  assert.equal(
    parsePublish('8000-8002:80-82').map(({ hostPort, containerPort }) => [hostPort, containerPort]),
    [
      [8000, 80],
      [8001, 81],
      [8002, 82],
    ],
  );
  const tcp = { containerPort: 80, protocol: 'tcp' } as const;
  for (const text of ['80', '0:80', ':80', '0.0.0.0::80']) assert.equal(parsePublish(text), [{ hostPort: 0, ...tcp }]);
  assert.equal(parsePublish('127.0.0.1::80'), [{ hostAddress: '127.0.0.1', hostPort: 0, ...tcp }]);
  assert.equal(parsePublish('[0:0::1]:8080:80'), [{ hostAddress: '::1', hostPort: 8080, ...tcp }]);
  assert.equal(parsePublish('8000-8010:80'), [{ hostPort: 8000, lastHostPort: 8010, ...tcp }]);
  assert.equal(
    parsePublish('80-81/udp').map(({ hostPort, containerPort }) => [hostPort, containerPort]),
    [
      [0, 80],
      [0, 81],
    ],
  );
});

test('-P publishes what the image and --expose expose, each port once, and not what -p publishes already', () => {
  const exposed = ['80/tcp', '53', '90-91/udp'];
  const request = { publish: ['8080:80', '90/tcp'], expose: ['53/tcp', '7'] };
  const shown = (ports: ReturnType<typeof wantedPorts>) =>
    ports.map(({ hostPort, containerPort, protocol }) => `${hostPort}:${containerPort}/${protocol}`);
  assert.equal(shown(wantedPorts(request, exposed)), ['8080:80/tcp', '0:90/tcp']);
  assert.equal(shown(wantedPorts({ ...request, publishAll: true }, exposed)), [
    ...['8080:80/tcp', '0:90/tcp', '0:53/tcp', '0:90/udp', '0:91/udp', '0:7/tcp'],
  ]);
  assert.is(refused(() => wantedPorts({ publishAll: true }, ['9/sctp'])).code, 'USAGE');
});

for (const text of [
  '',
  '80:65536',
  '80:80/sctp',
  '80:80/tcp/udp',
  '[1.2.3.4]:80:80',
  '[::1:80:80',
  '::1:80:80',
  '[fe80::1%eth0]:80:80',
  '0-5:80-85',
  '80:0',
  'host:80:80',
  '1-3:1-2',
  '3-1:3-1',
  '1-65535:1-65535',
  '80:80; drop',
  '1.2.3.4:5:6:7',
]) {
  test(`-p ${JSON.stringify(text)} is refused`, () => assert.is(refused(() => parsePublish(text)).code, 'USAGE'));
}

const SUBNET = { address: parseAddress('10.209.0.0') ?? 0, bits: 24 };
const CONTAINERS = [
  { address: SUBNET.address + 2, ports: parsePublish('8080:80') },
  { address: SUBNET.address + 3, ports: parsePublish('127.0.0.1:53:5353/udp') },
];

test('the bridge gets a private network without a route on the host', () => {
  const route = (text: string, bits: number) => ({ address: parseAddress(text) ?? 0, bits });
  assert.is(formatNetwork(chooseSubnet([])), '10.209.0.0/24');
  assert.is(formatNetwork(chooseSubnet([route('10.209.0.0', 24), route('10.209.1.7', 32)])), '10.209.2.0/24');
  assert.is(refused(() => chooseSubnet([route('10.0.0.0', 8)])).code, 'HOST_UNSUPPORTED');
});

test('addresses are given from the second on, freed ones again, until none is left', () => {
  const taken: number[] = [];
  for (let count = 0; count < 253; count += 1) taken.push(chooseAddress(SUBNET, taken));
  assert.is(formatAddress(taken[0] ?? 0), '10.209.0.2');
  assert.is(formatAddress(taken.at(-1) ?? 0), '10.209.0.254');
  assert.is(refused(() => chooseAddress(SUBNET, taken)).code, 'LIMIT_EXCEEDED');
  assert.is(formatAddress(chooseAddress(SUBNET, taken.toSpliced(5, 1))), '10.209.0.7');
});

test('the nftables rules replace those before, lead each port to its container and guard the host’s loopback', () => {
  const text = formatNftables(SUBNET, CONTAINERS);
  assert.match(text, /^table ip tsimg\ndelete table ip tsimg\ntable ip tsimg \{/);
  assert.match(text, '    tcp dport 8080 dnat to 10.209.0.2:80\n');
  assert.match(text, '    ip daddr 127.0.0.1 udp dport 53 dnat to 10.209.0.3:5353\n');
  assert.match(text, 'iifname "tsimg0" ip daddr 127.0.0.0/8 drop');
  assert.match(text, 'iifname "tsimg0" ip saddr != 10.209.0.0/24 drop');
  assert.match(text, 'oifname "tsimg0" iifname != "tsimg0" drop');
});

test('the iptables rules do the same', () => {
  const text = formatIptables(SUBNET, CONTAINERS);
  assert.match(text, '-A TSIMG-PORTS -p tcp --dport 8080 -j DNAT --to-destination 10.209.0.2:80\n');
  assert.match(text, '-A TSIMG-PORTS -d 127.0.0.1/32 -p udp --dport 53 -j DNAT --to-destination 10.209.0.3:5353\n');
  assert.match(text, '-A TSIMG-GUARD -d 127.0.0.0/8 -j DROP\n');
  assert.match(text, '-A TSIMG-APART -o tsimg0 ! -i tsimg0 -j DROP\n');
});

test('a hosts file has the loopback, the requested entries, and all containers on the bridge', () => {
  const peers = [{ address: '10.209.0.2', names: ['web', 'web', 'shop'] }];
  const asked = [parseAddHost('db:2001:db8::1'), parseAddHost('host:host-gateway')];
  assert.equal(bridgeHosts('10.209.0.1', peers, asked).split('\n'), [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    '2001:db8::1\tdb',
    '10.209.0.1\thost',
    '10.209.0.2\tweb shop',
    '',
  ]);
});

test('a named network is a bridge for root, and one that a process holds for a user, where the host can have it', () => {
  const named: NamedNetwork = {
    ...{ id: 'ab'.repeat(32), name: 'shop', created: '', labels: {}, internal: false },
    subnet: { address: SUBNET.address, bits: 24 },
  };
  const on = (facts: HostFacts, network: NamedNetwork = named, publish: readonly string[] = []) =>
    planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, network: 'shop', publish }, { ...AROUND, facts, named: network })
      .network;
  const able: HostFacts = { ...USER, tools: { ...TOOLS, unshare: '/u', flock: '/f' } };
  const directory = '/run/tsimg/network/7.abababababab';
  assert.equal(on(ROOT), {
    kind: 'bridge',
    id: AROUND.id,
    names: [AROUND.id.slice(0, 12)],
    ports: [],
    hosts: [],
    directory,
    named,
  });
  assert.is('ordinary' in on(able) && 'directory' in on(able), true);
  const without = (name: keyof HostTools) => ({ ...able, tools: { ...able.tools, [name]: undefined } });
  for (const tool of ['ip', 'unshare', 'flock', 'nft', 'pasta'] as const) {
    const error = refused(() => on(without(tool)));
    assert.is(error.code, 'HOST_UNSUPPORTED');
    assert.match(error.why ?? '', `no ${tool}`);
  }
  const names = { addHosts: ['host:host-gateway'] };
  const around = { ...AROUND, named };
  const asking = { ...PLAIN_REQUEST, network: 'shop', names };
  assert.is(refused(() => planRun(EMPTY_RUN_CONFIG, asking, { ...around, facts: able })).code, 'USAGE');
  assert.is(planRun(EMPTY_RUN_CONFIG, asking, { ...around, facts: ROOT }).network.kind, 'bridge');
  const internal = { ...named, internal: true };
  assert.is(on(without('pasta'), internal).kind, 'bridge');
  assert.is(refused(() => on(able, internal, ['80'])).code, 'USAGE');
  assert.match(formatCommands(on(able)).join('\n'), /^unshare .*\n.*tsimgn-abababab.*\npasta .* HOLDER\n/);
  assert.not.match(formatCommands(on(ROOT, internal)).join('\n'), /masquerade|default/);
});

test('the default network is the bridge for root, and pasta, else slirp4netns, for others', () => {
  const unasked = { network: undefined };
  assert.is(plan(unasked).network.kind, 'bridge');
  assert.is(plan(unasked, USER).network.kind, 'pasta');
  assert.is(plan(unasked, { ...USER, tools: { ...TOOLS, pasta: undefined } }).network.kind, 'slirp4netns');
  assert.equal(plan(unasked, USER).warnings, []);
});

test('a user without a possible network gets none, and a warning with cause and remedy', () => {
  const unasked = { network: undefined };
  const bare = plan(unasked, { ...USER, tools: { ...TOOLS, pasta: undefined, slirp4netns: undefined } });
  assert.is(bare.network.kind, 'none');
  assert.match(bare.warnings.join(), /neither pasta nor slirp4netns; install passt/);
  const closed = plan(unasked, { ...USER, network: { ...NETWORK, canOpenTun: false } });
  assert.is(closed.network.kind, 'none');
  assert.match(closed.warnings.join(), /dev\/net\/tun cannot be opened; ask root/);
});

test('root without the tools for a bridge is refused, not given less isolation', () => {
  const error = refused(() => plan({ network: undefined }, { ...ROOT, tools: { ...TOOLS, nft: undefined } }));
  assert.is(error.code, 'HOST_UNSUPPORTED');
  assert.match(String(error.hint), '--network none');
});

test.run();
