import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findHosts } from '../../../src/registry/mirrors/find-configuration.ts';
import { parseHostsToml } from '../../../src/registry/mirrors/hosts-toml.ts';
import { type HostPlan, hostsByHostsToml } from '../../../src/registry/mirrors/plan-hosts.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

// containerd's hosts.toml, as its docs/hosts.md has it.

const test = suite('registry/mirrors/hosts-toml');
const parse = (text: string) => parseHostsToml(text, '/certs.d/docker.io', '/certs.d/docker.io/hosts.toml');
const may = { isOrigin: true, isLast: true, resolves: true, pulls: true, pushes: true, insecure: false };
const HUB: HostPlan = { registry: 'docker.io', repository: 'library/alpine', ...may };

test('hosts come in the order of the file, the server last', async () => {
  const file = await parse(`
    server = "https://registry-1.docker.io"
    [host."https://z.example"]
      capabilities = ["pull", "resolve"]
    [host."http://10.0.0.1:5000/hub"]
      capabilities = ["pull"]
    [host."https://a.example/v2/proxy"]
      override_path = true
      capabilities = ["pull", "resolve", "push"]
  `);
  const plans = hostsByHostsToml(HUB, file);
  assert.equal(
    plans.map(({ registry, entry, namespace }) => [registry, entry?.url?.protocol, entry?.root, namespace]),
    [
      ['z.example', 'https:', '/v2', 'docker.io'],
      ['10.0.0.1:5000', 'http:', '/hub/v2', 'docker.io'],
      ['a.example', 'https:', '/v2/proxy', 'docker.io'],
      ['docker.io', 'https:', '/v2', undefined],
    ],
  );
  assert.equal(
    plans.map(({ resolves, pulls, pushes, isOrigin, isLast }) =>
      [resolves, pulls, pushes, isOrigin, isLast].map(Number),
    ),
    [
      [1, 1, 0, 0, 0],
      [0, 1, 0, 0, 0],
      [1, 1, 1, 0, 0],
      [1, 1, 1, 1, 1],
    ],
  );
});

test('without a server, the registry itself is the last, with what the file says at its top', async () => {
  const plans = hostsByHostsToml(HUB, await parse('ca = "own.crt"\n[host."mirror.example"]\n'));
  assert.equal(
    plans.map(({ registry }) => registry),
    ['mirror.example', 'docker.io'],
  );
  assert.equal(plans[1]?.entry?.ca, ['/certs.d/docker.io/own.crt']);
  assert.is(plans[1]?.isOrigin, true);
});

test('a server that is another host than the registry is not the registry', async () => {
  const [last] = hostsByHostsToml(HUB, await parse('server = "https://other.example"\n'));
  assert.equal(
    [last?.registry, last?.isOrigin, last?.isLast, last?.namespace],
    ['other.example', false, true, 'docker.io'],
  );
});

test('certificates, headers and times are read in all their forms', async () => {
  const { hosts } = await parse(`
    [host."https://a.example"]
      ca = ["/etc/a.crt", "b.crt"]
      client = [["c.cert", "c.key"], "both.pem"]
      skip_verify = true
      dial_timeout = "1m500ms"
      [host."https://a.example".header]
        x-one = "1"
        x-two = ["a", "b"]
    [host."https://b.example"]
      ca = "c.crt"
      client = "d.pem"
  `);
  const [first, second] = hosts;
  const folder = '/certs.d/docker.io';
  assert.equal(first?.ca, ['/etc/a.crt', `${folder}/b.crt`]);
  assert.equal(first?.client, [
    [`${folder}/c.cert`, `${folder}/c.key`],
    [`${folder}/both.pem`, `${folder}/both.pem`],
  ]);
  assert.equal([first?.tlsVerify, first?.connectTimeout], [false, 60_500]);
  const { hosts: short } = await parse('[host."https://a.example"]\ndial_timeout = "1500us"');
  assert.is(short[0]?.connectTimeout, 2);
  for (const none of ['0', '0s', '0m0s']) {
    const { hosts: unlimited } = await parse(`[host."https://a.example"]\ndial_timeout = "${none}"`);
    assert.is(unlimited[0]?.connectTimeout, undefined, none);
  }
  assert.equal(first?.headers, { 'x-one': '1', 'x-two': 'a, b' });
  assert.equal(
    [second?.ca, second?.client, second?.tlsVerify],
    [[`${folder}/c.crt`], [[`${folder}/d.pem`, `${folder}/d.pem`]], undefined],
  );
});

test('what makes no sense is told with the file', async () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    '[host."https://a.example"]\ncapabilities = ["pul"]': /capabilities/,
    '[host."https://"]': /is not the URL of a host/,
    '[host."https://me:pw@a.example"]': /is not the URL of a host/,
    '[host."https://a.example"]\ndial_timeout = "soon"': /is not a duration/,
    '[host."https://a.example".header]\nx = "a\\r\\nb: c"': /header/,
    '[host."https://a.example".header]\n"a b" = "c"': /header/,
    'server = ': /TOML/,
  };
  for (const [text, why] of Object.entries(wrong)) {
    const error = await failureOf(parse(text), 'REGISTRIES_INVALID');
    assert.match(error.message, why, text);
    assert.match(error.where ?? '', /hosts\.toml$/);
  }
});

test('the folder of a registry is found in containerd’s spellings, else _default', async () => {
  const root = tempDir();
  const write = (name: string, server: string) => {
    mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, name, 'hosts.toml'), `server = "https://${server}"\n`);
  };
  write('_default', 'default.example');
  write('localhost_5000_', 'five.example');
  write('localhost:5001', 'one.example');
  mkdirSync(join(root, 'plain.example'));
  const find = async (registry: string) => (await findHosts(registry, { hostsDir: root }, {}))?.server.url?.hostname;
  assert.is(await find('localhost:5000'), 'five.example');
  assert.is(await find('localhost:5001'), 'one.example');
  assert.is(await find('localhost:5002'), 'default.example');
  // A folder without the file says that nothing is special about it.
  assert.is(await find('plain.example'), undefined);
  await failureOf(findHosts('a.example', { hostsDir: join(root, 'none') }, {}), 'USAGE');
});

test('a host of another scheme is refused, in whatever case the scheme is', async () => {
  for (const text of ['server = "ftp://a.example"', '[host."ftp://127.0.0.1:5604"]', '[host."unix:///run/a"]']) {
    const error = await failureOf(parse(text), 'REGISTRIES_INVALID');
    assert.match(error.why ?? '', /^(ftp|unix):\/\/\S+ begins with \1:\/\/, but a host is asked by https/);
  }
  const { hosts } = await parse('[host."HTTP://a.example:80"]\n[host."b.example:5000"]');
  assert.equal(
    hosts.map(({ url }) => url.href),
    ['http://a.example/', 'https://b.example:5000/'],
  );
});

test('a wrong capability is shown', async () => {
  const error = await failureOf(parse('[host."a.example"]\ncapabilities = ["pul"]'), 'REGISTRIES_INVALID');
  assert.match(error.why ?? '', /capabilities\[0\] is "pul", but must be one of pull, resolve, push$/);
});

test.run();
