import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import type { HostFacts } from '../../../src/launch/facts/host-facts.ts';
import type { IdMap } from '../../../src/launch/launch-plan.ts';
import { planBundle } from '../../../src/launch/oci/oci-bundle.ts';
import { ociDeviceRules } from '../../../src/launch/oci/oci-devices.ts';
import { parseImageConfig } from '../../../src/oci/config.ts';
import { NO_NETWORK_FACTS } from '../../support/container/no-facts.ts';

const test = suite('launch/oci/oci-bundle');

const host: HostFacts = {
  uid: 1000,
  gid: 1000,
  canMount: false,
  subordinateUids: [],
  subordinateGids: [],
  hostname: 'host',
  cgroup2: true,
  machine: 'x64',
  kernel: '6.1.0',
  cgroups: { v1: [], v2: [] },
  network: NO_NETWORK_FACTS,
  tools: {},
};
const FILES = {
  passwd: 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n',
  group: 'root:x:0:\napp:x:1001:\nextra:x:77:app\n',
};
const SINGLE: IdMap = {
  uids: [{ inside: 0, outside: 1000, count: 1 }],
  gids: [{ inside: 0, outside: 1000, count: 1 }],
  by: 'single',
};
const SHIFTED: IdMap = {
  uids: [...SINGLE.uids, { inside: 1, outside: 100_000, count: 65_536 }],
  gids: [...SINGLE.gids, { inside: 1, outside: 100_000, count: 65_536 }],
  by: 'newuidmap',
};

const bundle = z.object({
  process: z.object({
    user: z.object({ uid: z.number(), gid: z.number(), additionalGids: z.array(z.number()).optional() }),
    args: z.array(z.string()),
    env: z.array(z.string()),
    cwd: z.string(),
    capabilities: z.record(z.string(), z.array(z.string())),
    noNewPrivileges: z.boolean(),
  }),
  mounts: z.array(z.object({ destination: z.string(), type: z.string(), options: z.array(z.string()) })),
  annotations: z.record(z.string(), z.string()),
  linux: z.object({
    uidMappings: z.array(z.object({ containerID: z.number(), hostID: z.number(), size: z.number() })).optional(),
    namespaces: z.array(z.object({ type: z.string() })),
    resources: z.unknown().optional(),
    maskedPaths: z.array(z.string()),
    readonlyPaths: z.array(z.string()),
  }),
});

function plan(run: Readonly<Record<string, unknown>>, idMap?: IdMap) {
  const document = { os: 'linux', architecture: 'amd64', created: '2020-01-01T00:00:00Z', config: run };
  const config = parseImageConfig(Buffer.from(JSON.stringify(document)), 'test');
  const { runtime, warnings } = planBundle(config, FILES, { idMap, host });
  return { ...bundle.parse(runtime), warnings };
}

test('the command, the environment and the directory are the image’s', () => {
  const { process } = plan({ Entrypoint: ['/init'], Cmd: ['-x'], Env: ['A=b', 'PATH=/bin'], WorkingDir: 'srv' });
  assert.equal([process.args, process.cwd], [['/init', '-x'], '/srv']);
  assert.equal(process.env, ['PATH=/bin', 'HOSTNAME=tsimg', 'A=b', 'HOME=/root']);
  assert.equal(plan({}).process.args, ['sh']);
});

test('root’s bundle has docker’s list of devices, and an ordinary user’s none', () => {
  assert.equal(plan({}).linux.resources, { devices: ociDeviceRules() });
  const [first, ...rest] = ociDeviceRules();
  assert.equal(first, { allow: false, access: 'rwm' });
  assert.equal(rest[0], { allow: true, type: 'c', access: 'm' });
  assert.equal(rest[2], { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' });
  assert.is(plan({}, SHIFTED).linux.resources, undefined);
});

test('the user is looked up in the root filesystem, with its groups, and has no capabilities', () => {
  const { process } = plan({ User: 'app' });
  assert.equal(process.user, { uid: 1000, gid: 1001, additionalGids: [1001, 77] });
  assert.ok(process.env.includes('HOME=/home/app'));
  const { bounding = [], effective, permitted, inheritable, ambient } = process.capabilities;
  assert.equal([effective, permitted, inheritable, ambient], [[], [], [], []]);
  assert.ok(bounding.includes('CAP_CHOWN') && !bounding.includes('CAP_SYS_ADMIN'));
  assert.is(process.noNewPrivileges, true);
  assert.throws(() => plan({ User: 'nobody-knows' }), /no such user/);
});

test('an ordinary user’s bundle has a user namespace, no group list, and a terminal group only if mapped', () => {
  const shifted = plan({ User: 'app' }, SHIFTED);
  assert.equal([shifted.process.user.uid, shifted.process.user.additionalGids], [1000, undefined]);
  assert.equal(shifted.linux.uidMappings?.at(-1), { containerID: 1, hostID: 100_000, size: 65_536 });
  assert.ok(shifted.linux.namespaces.some(({ type }) => type === 'user'));
  assert.is(shifted.linux.resources, undefined);
  const terminals = ({ mounts }: typeof shifted) =>
    mounts.find(({ type }) => type === 'devpts')?.options.includes('gid=5');
  assert.equal([terminals(shifted), terminals(plan({}, SINGLE)), terminals(plan({}))], [true, false, true]);
  assert.not(plan({}).linux.namespaces.some(({ type }) => type === 'user'));
});

test('with a single ID the image’s user becomes root, with a warning', () => {
  const { process, warnings } = plan({ User: 'app' }, SINGLE);
  assert.equal([process.user.uid, process.user.gid], [0, 0]);
  assert.match(warnings.join(), /user app/);
  assert.equal(plan({}, SINGLE).warnings, []);
});

test('the bundle masks the paths that run masks, without patterns', () => {
  const { maskedPaths, readonlyPaths } = plan({}).linux;
  assert.ok(maskedPaths.includes('/proc/kcore') && maskedPaths.every((path) => !path.includes('*')));
  assert.ok(readonlyPaths.includes('/proc/sys'));
});

test('labels and the image’s properties become annotations, and labels win', () => {
  const { annotations } = plan({ Labels: { a: 'b', 'org.opencontainers.image.os': 'mine' }, StopSignal: 'SIGINT' });
  assert.equal(annotations, {
    'org.opencontainers.image.os': 'mine',
    'org.opencontainers.image.architecture': 'amd64',
    'org.opencontainers.image.created': '2020-01-01T00:00:00Z',
    'org.opencontainers.image.stopSignal': 'SIGINT',
    a: 'b',
  });
});

test.run();
