import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HYBRID, legacyHost, UNIFIED_ROOT } from '../../../fixtures/make/cgroup-hosts.ts';
import { AROUND, MAPPED_FACTS, PLAIN_REQUEST, ROOT_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { HostFacts } from '../../../src/launch/facts/host-facts.ts';
import { planToOci } from '../../../src/launch/oci/plan-to-oci.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { formatCgroups } from '../../../src/launch/show/format-cgroups.ts';
import { formatDeviceRule } from '../../../src/linux/device/device-rule.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/plan-cgroups');

const LEGACY: HostFacts = { ...ROOT_FACTS, cgroup2: false, cgroups: legacyHost(true) };
const UNIFIED: HostFacts = { ...ROOT_FACTS, cgroups: UNIFIED_ROOT };

function plan(request: Partial<RunRequest>, facts: HostFacts) {
  return planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts });
}

function refused(request: Partial<RunRequest>, facts: HostFacts): TsimgError {
  try {
    plan(request, facts);
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

/** The cgroups that hold a list, and whether they must. */
function held(request: Partial<RunRequest>, facts: HostFacts) {
  return plan(request, facts).cgroups.flatMap(({ devices, base, required }) =>
    devices === undefined ? [] : [{ base, needed: devices.neededBy, required }],
  );
}

test('root’s container has a list of devices where the host can set one, with any request', () => {
  assert.equal(held({}, LEGACY), [{ base: '/sys/fs/cgroup/devices/user.slice', needed: undefined, required: false }]);
  const base = '/sys/fs/cgroup/user.slice/user-0.slice';
  assert.equal(held({}, UNIFIED), [{ base, needed: undefined, required: false }]);
  // Version 2 has programs, with controllers or without.
  assert.equal(held({}, { ...ROOT_FACTS, cgroups: HYBRID }).length, 1);
  assert.equal(held({ userns: 'auto' }, { ...MAPPED_FACTS, cgroups: UNIFIED_ROOT }).length, 1);
});

test('a capability that opens any device is refused without a list', () => {
  for (const facts of [LEGACY, UNIFIED]) {
    for (const capability of ['MKNOD', 'SYS_ADMIN', 'ALL']) {
      const [list] = held({ capAdd: [capability] }, facts);
      assert.equal(list?.required, true, capability);
    }
    assert.equal(held({ devices: ['/dev/x:r'] }, facts)[0]?.needed, '--device /dev/x:r');
    assert.equal(held({ capAdd: ['NET_ADMIN', 'SYS_RAWIO'], devices: ['/dev/x:rw'] }, facts)[0]?.required, false);
  }
  for (const request of [{ capAdd: ['MKNOD'] }, { capAdd: ['sys_admin'] }, { devices: ['/dev/x:w'] }]) {
    const { code, hint } = refused(request, ROOT_FACTS);
    assert.is(code, 'HOST_UNSUPPORTED');
    assert.match(hint ?? '', /--privileged|rw/);
  }
  const without: HostFacts = { ...LEGACY, cgroups: legacyHost(false) };
  assert.is(refused({ capAdd: ['MKNOD'] }, without).where, '--cap-add MKNOD');
});

test('a privileged container has no list, and a user namespace needs none', () => {
  assert.equal(held({ privileged: true }, LEGACY), []);
  for (const facts of [USER_FACTS, { ...ROOT_FACTS, nestedUserNamespace: true }]) {
    assert.equal(held({ capAdd: ['MKNOD', 'SYS_ADMIN'] }, facts), []);
  }
  assert.equal(held({ userns: 'auto', capAdd: ['MKNOD'] }, MAPPED_FACTS), []);
});

test('a user cannot restrict a device to less than rw, and a rule without a list is a warning', () => {
  assert.is(refused({ devices: ['/dev/x:r'] }, USER_FACTS).code, 'HOST_UNSUPPORTED');
  assert.equal(held({ devices: ['/dev/x:rw'] }, USER_FACTS), []);
  assert.ok(plan({ deviceRules: ['c 1:1 r'] }, USER_FACTS).warnings.some((each) => each.startsWith('--device-cgroup')));
  assert.equal(plan({ deviceRules: ['c 1:1 r'] }, LEGACY).warnings, []);
});

test('with SYS_ADMIN a container is in no root cgroup: a hierarchy that cannot be written refuses it', () => {
  const exposed: HostFacts = { ...LEGACY, cgroups: { ...LEGACY.cgroups, exposed: ['perf_event'] } };
  const { code, why } = refused({ capAdd: ['SYS_ADMIN'] }, exposed);
  assert.is(code, 'HOST_UNSUPPORTED');
  assert.match(why ?? '', 'perf_event');
  assert.match(why ?? '', 'release_agent');
  plan({ capAdd: ['MKNOD'] }, exposed);
  plan({ privileged: true }, exposed);
  assert.ok(plan({ capAdd: ['SYS_ADMIN'] }, LEGACY).cgroups.every(({ required }) => required));
});

test('--dry-run shows the list before the cgroup’s children', () => {
  const lines = formatCgroups(plan({ devices: ['/dev/x:r'], deviceRules: ['b 8:* r'] }, LEGACY).cgroups);
  const folder = `/sys/fs/cgroup/devices/user.slice/tsimg/${AROUND.id}`;
  const deny = lines.indexOf(`echo a > ${folder}/devices.deny`);
  assert.ok(deny > 0);
  assert.ok(lines.includes(`echo 'b 8:* r' > ${folder}/devices.allow`));
  assert.ok(lines.includes(`echo '/dev/x r' > ${folder}/devices.allow`));
  assert.ok(lines.indexOf(`mkdir ${folder}/container`) > deny);
  assert.match(formatCgroups(plan({}, UNIFIED).cgroups).join('\n'), 'c 1:3 rwm');
});

test('a runtime gets the same list and the requested devices', () => {
  const request = { capAdd: ['MKNOD'], devices: ['/dev/x:/dev/y:r'], deviceRules: ['c 189:* rw'] };
  const around = {
    root: '/r',
    user: { uid: 0, gid: 0, groups: [], home: '/' },
    architecture: 'amd64',
    hardLimits: new Map(),
    files: new Map(),
    devices: [
      { path: '/dev/x', target: '/dev/y', access: 'r', kind: 'block', major: 8, minor: 1, mode: 0o660, uid: 0, gid: 6 },
    ] as const,
  };
  const { linux } = JSON.parse(JSON.stringify(planToOci(plan(request, LEGACY), around)));
  const [first, ...rest] = linux.resources.devices;
  assert.equal(first, { allow: false, access: 'rwm' });
  const expected = plan(request, LEGACY)
    .cgroups.flatMap(({ devices }) => devices?.rules ?? [])
    .map(formatDeviceRule);
  assert.equal(
    rest.map((each: { type: string; major?: number; minor?: number; access: string }) =>
      [each.type, `${each.major ?? '*'}:${each.minor ?? '*'}`, each.access].join(' '),
    ),
    [...expected, 'b 8:1 r'],
  );
  assert.equal(linux.devices, [{ path: '/dev/y', type: 'b', major: 8, minor: 1, fileMode: 0o660, uid: 0, gid: 6 }]);
  const all = JSON.parse(
    JSON.stringify(planToOci({ ...plan({}, LEGACY), mayUseAllDevices: true }, { ...around, devices: [] })),
  );
  assert.equal(all.linux.resources.devices, [{ allow: true, access: 'rwm' }]);
});

test.run();
