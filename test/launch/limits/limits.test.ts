import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ALL_LIMITS,
  HYBRID,
  legacyHost,
  UNIFIED_DELEGATED,
  UNIFIED_ROOT,
  UNIFIED_SESSION,
} from '../../../fixtures/make/cgroup-hosts.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { CgroupFacts } from '../../../src/launch/facts/cgroup-facts.ts';
import { type CgroupPlan, planLimits } from '../../../src/launch/limits/limits.ts';
import { parseBytes, type ResourceRequest } from '../../../src/launch/limits/resources.ts';
import { NO_CGROUPS } from '../../support/container/no-facts.ts';

const test = suite('launch/limits/limits');

function refused(request: ResourceRequest, facts: CgroupFacts = legacyHost(true)): TsimgError {
  try {
    planLimits(request, facts, { id: 'id' });
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

/** File → value, of all cgroups of a plan. */
function written(plans: readonly CgroupPlan[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    plans.flatMap(({ limits }) => limits.flatMap(({ choices }) => choices.map(({ name, value }) => [name, value]))),
  );
}

test('sizes are bytes, with docker’s suffixes', () => {
  const sizes = ['1', '1b', '2k', '512m', '1.5g', '1T', '1GiB', '3MB'].map((text) => parseBytes(text, '-m'));
  assert.equal(sizes, [1, 1, 2048, 512 * 1024 ** 2, 1.5 * 1024 ** 3, 1024 ** 4, 1024 ** 3, 3 * 1024 ** 2]);
});

for (const text of ['', '0', '-1', 'm', '1x', '1e9', '0x10', '99999999999999t', ' 1', '1m\n2m']) {
  test(`a memory limit of ${JSON.stringify(text)} is refused`, () => {
    assert.is(refused({ memory: text }).code, 'USAGE');
  });
}

for (const [name, request] of Object.entries<ResourceRequest>({
  'less memory than any program needs': { memory: '524287' },
  'swap without memory': { memorySwap: '1g' },
  'memory and swap together less than memory': { memory: '64m', memorySwap: '32m' },
  'a reservation above the limit': { memory: '64m', memoryReservation: '65m' },
  'no processor at all': { cpus: '0' },
  'processors that are no number': { cpus: '1,5' },
  'a share of one': { cpuShares: '1' },
  'a list of processors with a word in it': { cpusetCpus: '0,all' },
  'a fraction of a process': { pidsLimit: '1.5' },
  'a weight of nine': { blkioWeight: '9' },
  'a device without a rate': { deviceReadBps: ['/dev/sda'] },
  'a device by its short name': { deviceReadBps: ['sda:1m'] },
})) {
  test(`${name}: an invalid limit is refused before anything is done`, () => {
    assert.is(refused(request).code, 'USAGE');
  });
}

test('the least memory is 512 KiB', () => {
  assert.is(written(planLimits({ memory: '512k' }, legacyHost(true), { id: 'id' }))['memory.limit_in_bytes'], '524288');
});

test('each limit has its file in version 1; by default there is as much swap as memory', () => {
  assert.equal(written(planLimits(ALL_LIMITS, legacyHost(true), { id: 'id' })), {
    'memory.limit_in_bytes': '67108864',
    'memory.memsw.limit_in_bytes': '100663296',
    'memory.soft_limit_in_bytes': '33554432',
    'cpu.cfs_period_us': '100000',
    'cpu.cfs_quota_us': '50000',
    'cpu.shares': '512',
    'cpuset.cpus': '0-1',
    'pids.max': '64',
    'blkio.weight': '300',
    'blkio.bfq.weight': '300',
    'blkio.throttle.read_bps_device': '1048576',
    'blkio.throttle.write_iops_device': '100',
  });
  assert.is(
    written(planLimits({ memory: '1m' }, legacyHost(true), { id: 'id' }))['memory.memsw.limit_in_bytes'],
    '2097152',
  );
  const unlimited = planLimits({ memory: '1m', memorySwap: '-1' }, legacyHost(true), { id: 'id' });
  assert.is(written(unlimited)['memory.memsw.limit_in_bytes'], '-1');
});

test('each limit has its file in version 2, where swap is counted apart', () => {
  const request = { ...ALL_LIMITS, deviceWriteIops: [] };
  assert.equal(written(planLimits(request, UNIFIED_ROOT, { id: 'id' })), {
    'memory.max': '67108864',
    'memory.swap.max': '33554432',
    'memory.low': '33554432',
    'cpu.max': '50000 100000',
    'cpu.weight': '20',
    'cpuset.cpus': '0-1',
    'pids.max': '64',
    'io.bfq.weight': '300',
    'io.weight': '2930',
    'io.max': 'rbps=1048576',
  });
});

test('version 2: the nearest cgroup with the controllers and without processes is used', () => {
  const bases = (request: ResourceRequest) => planLimits(request, UNIFIED_ROOT, { id: 'id' }).map(({ base }) => base);
  assert.equal(bases({ memory: '1g' }), ['/sys/fs/cgroup/user.slice/user-0.slice']);
  assert.equal(bases({ cpus: '1' }), ['/sys/fs/cgroup']);
});

test('version 1: a container’s cgroups are below the caller’s own, whose limits hold for it too', () => {
  const plans = planLimits({}, legacyHost(true), { id: 'id' });
  assert.equal(
    plans.map(({ base, id }) => [base, id]),
    // All hierarchies are joined: the container is in no root cgroup.
    ['cpu,cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'freezer', 'devices', 'name=systemd'].map((name) => [
      `/sys/fs/cgroup/${name}/user.slice`,
      'id',
    ]),
  );
});

test('by default there are at most 2048 processes, where the host permits a limit', () => {
  for (const facts of [legacyHost(true), UNIFIED_ROOT, UNIFIED_DELEGATED, HYBRID]) {
    const plans = planLimits({}, facts, { id: 'id' });
    assert.equal(written(plans), { 'pids.max': '2048' });
    assert.is(
      plans.some(({ required }) => required),
      false,
    );
  }
});

test('by default there is no limit, and no warning, where the host permits none', () => {
  for (const facts of [legacyHost(false), UNIFIED_SESSION, NO_CGROUPS])
    assert.equal(planLimits({}, facts, { id: 'id' }), []);
});

test('--pids-limit -1 or 0 is no limit, which no host can refuse', () => {
  for (const pidsLimit of ['-1', '0']) {
    assert.equal(written(planLimits({ pidsLimit }, legacyHost(true), { id: 'id' })), {});
    assert.equal(planLimits({ pidsLimit }, UNIFIED_SESSION, { id: 'id' }), []);
  }
});

test('a limit that the host cannot set is an error with cause and remedy', () => {
  const legacy = refused({ memory: '1g' }, legacyHost(false));
  assert.equal([legacy.code, legacy.where], ['HOST_UNSUPPORTED', '--memory']);
  assert.match(legacy.why ?? '', 'delegated');
  assert.match(legacy.hint ?? '', 'as root');
  const session = refused({ pidsLimit: '10' }, UNIFIED_SESSION);
  assert.equal([session.code, session.where], ['HOST_UNSUPPORTED', '--pids-limit']);
  assert.match(session.hint ?? '', 'systemd-run --user');
  const some = refused({ memory: '1g', cpusetCpus: '0' }, UNIFIED_DELEGATED);
  assert.equal([some.code, some.where], ['HOST_UNSUPPORTED', '--cpuset-cpus']);
  assert.match(some.why ?? '', 'cpuset');
  const none = refused({ cpus: '1' }, NO_CGROUPS);
  assert.match(none.why ?? '', 'no cpu controller');
});

test('a hybrid host gets each limit where its controller is', () => {
  const plans = planLimits({ memory: '1g', cpus: '2' }, HYBRID, { id: 'id' });
  assert.equal(
    plans.map(({ version, base, required }) => [version, base, required]),
    [
      [1, '/sys/fs/cgroup/memory/user.slice', true],
      [1, '/sys/fs/cgroup/pids/user.slice', false],
      [2, '/sys/fs/cgroup/unified', true],
    ],
  );
  assert.equal(written(plans), {
    'memory.limit_in_bytes': '1073741824',
    'memory.memsw.limit_in_bytes': '2147483648',
    'pids.max': '2048',
    'cpu.max': '200000 100000',
  });
});

test.run();
