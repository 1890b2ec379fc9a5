import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT_FACTS, SINGLE_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { HostConditions } from '../../../src/launch/facts/host-conditions.ts';
import { diagnose, type HostReport } from '../../../src/launch/show/diagnose.ts';
import { explainRefusal } from '../../../src/launch/show/explain-refusal.ts';

const test = suite('launch/show/diagnose');

const CONDITIONS: HostConditions = { uid: 1000, kernel: '6.1.0', seccomp: 0 };
const FINE = { ok: true, complaint: '' };
const HEALTHY: HostReport = {
  facts: USER_FACTS,
  conditions: CONDITIONS,
  missingCalls: [],
  idMap: FINE,
  namespaces: FINE,
  proc: FINE,
  overlay: FINE,
  versions: new Map([['pasta', 'pasta 1']]),
};

function finding(topic: string, report: Partial<HostReport>) {
  const found = diagnose({ ...HEALTHY, ...report }).find((each) => each.topic === topic);
  if (found === undefined) throw new Error(`nothing is said of ${topic}`);
  return found;
}

test('each fault has a cause and a remedy', () => {
  const bad: HostReport = {
    ...HEALTHY,
    facts: { ...SINGLE_FACTS, tools: {} },
    conditions: { ...CONDITIONS, seccomp: 2, kernel: '4.19.0' },
    missingCalls: ['openat2'],
    overlay: { ok: false, complaint: 'mount: wrong' },
    proc: { ok: false, complaint: 'mount: no' },
    versions: new Map(),
  };
  for (const each of [...diagnose(bad), ...diagnose({ ...bad, namespaces: { ok: false, complaint: 'no' } })]) {
    assert.is(each.state === 'ok', each.cause === undefined, each.topic);
    assert.is(each.cause === undefined, each.remedy === undefined, each.topic);
  }
});

test('each setting that refuses users namespaces is named, with its remedy', () => {
  const namespaces = { ok: false, complaint: 'unshare: unshare failed: Operation not permitted' };
  for (const [setting, word] of [
    [{ usernsClone: 0 }, 'kernel.unprivileged_userns_clone'],
    [{ maxUserNamespaces: 0 }, 'user.max_user_namespaces'],
    [{ apparmorRestricts: 1 }, 'kernel.apparmor_restrict_unprivileged_userns'],
    [{ seccomp: 2 }, 'seccomp=unconfined'],
  ] as const) {
    const found = finding('namespaces', { namespaces, conditions: { ...CONDITIONS, ...setting } });
    assert.is(found.state, 'fails');
    assert.ok(`${found.cause} ${found.remedy}`.includes(word), word);
  }
});

test('a missing call is an old kernel’s doing, or a filter’s where the kernel is new enough', () => {
  const missingCalls = ['mount_setattr'];
  const old = finding('kernel', { missingCalls, conditions: { ...CONDITIONS, kernel: '5.10.0-30-amd64' } });
  assert.match(
    `${old.cause}; ${old.remedy}`,
    /mount_setattr, as a launch needs it, came with Linux 5.12; this is 5.10.*; use Linux 5.12/,
  );
  assert.match(finding('kernel', { missingCalls }).cause ?? '', /filter/);
});

test('IDs, overlay, limits and network are limits, not failures', () => {
  assert.is(finding('user IDs', { facts: SINGLE_FACTS }).state, 'limited');
  assert.is(finding('overlay', { overlay: { ok: false, complaint: 'mount: x' } }).state, 'limited');
  assert.is(finding('limits', {}).state, 'limited');
  assert.is(finding('network', { versions: new Map() }).state, 'limited');
  assert.match(finding('network', {}).cause ?? '', 'needs /dev/net/tun');
  const open = { ...USER_FACTS, network: { ...USER_FACTS.network, canOpenTun: true } };
  assert.is(finding('network', { facts: open }).state, 'ok');
  const bridge = (...names: readonly string[]) => {
    const tools = Object.fromEntries(names.map((name) => [name, '/x']));
    const { cause, remedy } = finding('network', { facts: { ...ROOT_FACTS, tools } });
    return [cause, remedy];
  };
  assert.equal(bridge('ip', 'nsenter', 'nft'), [undefined, undefined]);
  assert.equal(bridge('ip', 'nsenter', 'iptables', 'iptablesRestore'), [undefined, undefined]);
  assert.equal(bridge('ip', 'nft'), ['there is no nsenter', 'install it (Debian package util-linux)']);
  assert.equal(bridge('nsenter', 'nft'), ['there is no ip', 'install it (Debian package iproute2)']);
  assert.equal(bridge('ip', 'nsenter', 'iptables'), [
    'there is neither nft, nor iptables with iptables-restore',
    'install nftables',
  ]);
});

test('limits are delegated by systemd in cgroups of version 2 only', () => {
  assert.match(finding('limits', {}).remedy ?? '', /systemd-run/);
  const directory = '/sys/fs/cgroup/memory';
  const v1 = [{ controllers: ['memory'], directory, writable: false }];
  const { cause, remedy } = finding('limits', { facts: { ...SINGLE_FACTS, cgroups: { v1, v2: [] } } });
  assert.match(cause ?? '', /version 1/);
  assert.is(remedy, 'run as root');
});

function refused(call: string, errno: string, where: string, conditions: HostConditions = CONDITIONS) {
  const error = new TsimgError('SYSTEM_CALL', `${call} failed`, { where, why: errno, facts: { call, errno } });
  return explainRefusal(error, conditions);
}

test('a launch that the host refuses fails with cause and remedy, and keeps the failed call', () => {
  const proc = refused('mount', 'EPERM', 'proc on /proc');
  assert.is(proc?.code, 'HOST_UNSUPPORTED');
  assert.match(proc?.hint ?? '', /systempaths=unconfined/);
  assert.is(proc?.facts.errno, 'EPERM');
  assert.match(refused('openat2', 'ENOSYS', '/x', { ...CONDITIONS, kernel: '5.4.0' })?.why ?? '', /5.6/);
  assert.match(refused('openat2', 'ENOSYS', '/x')?.hint ?? '', /seccomp=unconfined/);
  assert.match(
    refused('mount', 'EACCES', 'tmpfs on /dev', { ...CONDITIONS, apparmorRestricts: 1 })?.why ?? '',
    /AppArmor/,
  );
});

test('a fault of the request is not blamed on the host', () => {
  assert.is(refused('mount', 'EINVAL', 'tmpfs on /x'), undefined);
  assert.is(refused('prlimit', 'EPERM', 'nofile'), undefined);
  assert.is(explainRefusal(new TsimgError('LAUNCH_FAILED', 'x'), CONDITIONS), undefined);
});

test('namespaces that the kernel refuses are explained where a setting explains it', () => {
  const call = 'unshare(CLONE_NEWUSER)';
  assert.match(refused(call, 'ENOSPC', '', { ...CONDITIONS, maxUserNamespaces: 0 })?.message ?? '', /namespaces/);
  assert.is(refused(call, 'ENOSPC', ''), undefined);
  assert.is(refused(call, 'EINVAL', '', { ...CONDITIONS, seccomp: 2 }), undefined);
});

test.run();
