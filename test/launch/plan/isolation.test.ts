import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AROUND, PLAIN_REQUEST, ROOT_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import { parseDevice } from '../../../src/launch/options/devices.ts';
import { parseMount, parseSize } from '../../../src/launch/options/mount-option.ts';
import { planUlimits } from '../../../src/launch/options/ulimits.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/isolation');

function plan(request: Partial<RunRequest>, facts = ROOT_FACTS) {
  return planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts });
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  return 'none';
}

test('sizes are bytes, or have a unit of 1024', () => {
  for (const [text, bytes] of [
    ['64m', 67_108_864],
    ['1g', 1_073_741_824],
    ['512', 512],
    ['1KB', 1024],
    ['2kib', 2048],
    ['1.5g', 1_610_612_736],
  ] as const) {
    assert.is(parseSize(text, '--x'), bytes);
  }
  for (const text of ['', '-1', '1.g', '1x', 'm', '9999999999999t']) {
    assert.is(
      codeOf(() => parseSize(text, '--x')),
      'USAGE',
      text,
    );
  }
});

test('--ulimit is over the defaults, and -1 is no limit', () => {
  assert.equal(planUlimits(['nofile=5:6', 'core=-1', 'nproc=9']), [
    { resource: 'core', soft: 'unlimited', hard: 'unlimited' },
    { resource: 'nofile', soft: 5, hard: 6 },
    { resource: 'nproc', soft: 9, hard: 9 },
  ]);
  for (const text of ['nofile', 'nofile=', 'nofile=2:1', 'nofile=-1:5', 'what=1', 'nofile=1:2:3', 'toString=1']) {
    assert.is(
      codeOf(() => planUlimits([text])),
      'USAGE',
      text,
    );
  }
});

test('--mount takes the fields of docker and podman, and refuses those it does not know', () => {
  assert.equal(parseMount('type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave', '/'), {
    do: 'bind',
    source: '/a',
    target: '/b',
    attributes: ['nodev', 'ro'],
    propagation: 'slave',
  });
  assert.equal(parseMount('type=bind,"source=/a,b",target=/c,ro=false', '/'), {
    do: 'bind',
    source: '/a,b',
    target: '/c',
    attributes: ['nodev'],
  });
  const volume = { do: 'bind', imageVolume: true, target: '/b', attributes: ['nodev'] };
  const named = { ...volume, source: '/volumes/v/data', volume: 'v' };
  const places = { named: '/volumes', own: '/own/m0' };
  assert.equal(parseMount('source=v,target=/b', '/', places), named);
  assert.equal(parseMount('type=volume,src=v,dst=/b,volume-nocopy', '/', places), { ...named, unfilled: true });
  for (const no of ['false', '0', 'F', 'FALSE']) {
    assert.equal(parseMount(`type=volume,src=v,dst=/b,volume-nocopy=${no},readonly=${no}`, '/', places), named);
  }
  for (const written of ['ro', 'readonly=TRUE', 'rw=false', 'ro=1,rw=0']) {
    const step = parseMount(`type=bind,src=/a,dst=/b,${written}`, '/');
    assert.equal(step.do === 'bind' && step.attributes, ['nodev', 'ro'], written);
  }
  assert.equal(parseMount('type=volume,target=/b', '/', places), { ...volume, source: '/own/m0' });
  for (const text of [
    'type=volume,source=/v,target=/b',
    'type=volume,source=v,target=/b,volume-opt=a',
    'type=bind,target=/b',
    'type=bind,source=/a',
    'type=bind,source=/a,target=/b,volume-nocopy',
    'type=volume,source=v,target=/b,volume-nocopy=maybe',
    'type=bind,source=/a,target=/b,readonly=perhaps',
    'type=bind,source=/a,target=/b,ro=',
    'type=bind,source=/a,target=/b,ro,rw',
    'type=bind,source=/a,target=/b,ro=false,rw=false',
    'type=bind,source=/a,target=/b,bind-propagation=x',
    'type=tmpfs,target=/b,tmpfs-mode=9',
    'type=tmpfs,target=/proc/x',
    'type=image,source=a,target=/b',
  ]) {
    assert.is(
      codeOf(() => parseMount(text, '/')),
      'USAGE',
      text,
    );
  }
});

test('a device is below /dev, and its access is letters of rwm', () => {
  assert.equal(parseDevice('/dev/a', true), {
    do: 'host-device',
    source: '/dev/a',
    target: '/dev/a',
    access: 'rwm',
    make: true,
  });
  assert.is(parseDevice('/dev/a:wr', false).access, 'rw');
  assert.is(parseDevice('/dev/a:r', false).access, 'r');
  assert.equal(parseDevice('/dev/a:/dev/b:rwm', true), {
    do: 'host-device',
    source: '/dev/a',
    target: '/dev/b',
    access: 'rwm',
    make: true,
  });
  for (const text of ['dev/a', '/dev/a:/dev/b:x', '/dev/a:/b', '/dev/a:/dev/../etc/x', '/dev/a:/dev/b:rwm:x']) {
    assert.is(
      codeOf(() => parseDevice(text, true)),
      'USAGE',
      text,
    );
  }
});

test('--privileged removes every restriction, and each can be restored by its own option', () => {
  const { command, steps } = plan({ privileged: true });
  assert.is(command.seccomp, 'unconfined');
  assert.is(command.noNewPrivileges, false);
  assert.is(command.capabilities.length, 41);
  assert.not.ok(steps.some((step) => step.do === 'mask' || step.do === 'read-only'));
  const back = plan({ privileged: true, noNewPrivileges: true, capDrop: ['SYS_ADMIN'] }).command;
  assert.is(back.noNewPrivileges, true);
  assert.not.ok(back.capabilities.includes('SYS_ADMIN'));
});

test('root gives no capability that it lacks, with a warning; a user namespace has all', () => {
  const few = { ...ROOT_FACTS, capabilities: ['CHOWN', 'KILL'] as const };
  const { command, warnings } = plan({ capAdd: ['NET_ADMIN'] }, few);
  assert.equal(command.capabilities, ['CHOWN', 'KILL']);
  assert.match(warnings.join(), /NET_ADMIN/);
  assert.ok(plan({ capAdd: ['NET_ADMIN'] }, USER_FACTS).command.capabilities.includes('NET_ADMIN'));
});

test('with chroot, the capability to leave it is dropped', () => {
  assert.not.ok(plan({ isolation: 'chroot' }).command.capabilities.includes('SYS_CHROOT'));
  assert.is(plan({ isolation: 'chroot' }).steps.at(-1)?.do, 'chroot');
});

test('--init without an init on the host is HOST_UNSUPPORTED, with one it comes before the command', () => {
  assert.is(
    codeOf(() => plan({ init: true })),
    'HOST_UNSUPPORTED',
  );
  const facts = { ...ROOT_FACTS, tools: { ...ROOT_FACTS.tools, init: '/usr/bin/catatonit' } };
  assert.equal(plan({ init: true }, facts).command.args, ['/dev/init', '--', '/bin/sh']);
});

test('a host’s namespace is not made, and a plan with all of it survives JSON', () => {
  const made = plan({ ipc: 'host', pid: 'host', uts: 'host', timeNamespace: true, seccomp: 'unconfined' });
  assert.equal(made.namespaces, ['mount', 'network', 'time']);
  assert.not.ok(made.steps.some((step) => step.do === 'hostname'));
  assert.equal(JSON.parse(JSON.stringify(made)), made);
});

test.run();
