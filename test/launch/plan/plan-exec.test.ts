import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { legacyHost } from '../../../fixtures/make/cgroup-hosts.ts';
import { AROUND, PLAIN_REQUEST, ROOT_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { HostFacts } from '../../../src/launch/facts/host-facts.ts';
import { type ExecRequest, planExec, planToolbox } from '../../../src/launch/plan/plan-exec.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { formatExecPlan } from '../../../src/launch/show/format-exec-plan.ts';
import { CAPABILITY_NAMES } from '../../../src/linux/capabilities.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/plan-exec');

const PLAIN: ExecRequest = {
  command: ['ls', '-l'],
  interactive: false,
  terminal: false,
  detached: false,
  env: [],
  envFiles: [],
};

const CONFIG = { ...EMPTY_RUN_CONFIG, env: ['A=image', 'B=image'], user: 'app', workingDir: '/srv' };

function container(request: Partial<RunRequest> = {}, facts: HostFacts = ROOT_FACTS) {
  return planRun(CONFIG, { ...PLAIN_REQUEST, command: ['server'], ...request }, { ...AROUND, facts });
}

function plan(request: Partial<ExecRequest> = {}, of = container(), facts: HostFacts = ROOT_FACTS) {
  return planExec(of, { ...PLAIN, ...request }, { facts, hostEnv: { C: 'caller', TERM: 'vt220' } });
}

function refused(request: Partial<ExecRequest>): string {
  try {
    plan(request);
  } catch (error) {
    if (error instanceof TsimgError) return error.code;
    throw error;
  }
  throw new Error('it should have been refused');
}

test('settings without an option are those of the container’s first command', () => {
  const run = container({ umask: '027', ulimits: ['nproc=99'], capAdd: ['NET_ADMIN'], groupAdd: ['5'] });
  const { command } = plan({}, run);
  assert.equal(command, { ...run.command, args: ['ls', '-l'] });
  assert.equal([command.user, command.cwd, command.umask], ['app', '/srv', 0o27]);
});

test('the environment is the image’s, then run’s, then exec’s', () => {
  const { env } = plan(
    { env: ['B=exec', 'C', 'D'], envFiles: ['E=file\nB=file'] },
    container({ env: ['A=run'] }),
  ).command;
  for (const entry of ['A=run', 'B=exec', 'C=caller', 'E=file', `HOSTNAME=${AROUND.id.slice(0, 12)}`]) {
    assert.ok(env.includes(entry), entry);
  }
  assert.is(env.filter((entry) => entry.startsWith('D')).length, 0);
});

test('with a terminal TERM is xterm, and no variable without', () => {
  assert.ok(plan({ terminal: true }).command.env.includes('TERM=xterm'));
  assert.not.ok(plan().command.env.some((entry) => entry.startsWith('TERM=')));
});

test('user and working directory can be chosen', () => {
  const { command } = plan({ user: '12:34', workdir: '/tmp' });
  assert.equal([command.user, command.cwd], ['12:34', '/tmp']);
});

test('the container’s own namespaces are joined, and none that it shares with the host', () => {
  const of = container({ ipc: 'host', timeNamespace: true }, USER_FACTS);
  const { namespaces } = plan({}, of, USER_FACTS);
  assert.equal([...namespaces].filter((name) => name !== 'cgroup').toSorted(), [
    'mount',
    'network',
    'pid',
    'time',
    'user',
    'uts',
  ]);
  assert.not.ok(plan().namespaces.includes('user'));
});

test('the network of another container is joined as the container did', () => {
  const facts = { ...ROOT_FACTS, tools: { ...ROOT_FACTS.tools, nsenter: '/usr/bin/nsenter' } };
  const of = planRun(
    CONFIG,
    { ...PLAIN_REQUEST, command: ['server'], network: 'container:77' },
    {
      ...AROUND,
      facts,
      joined: { pid: 77, startTime: '1', bootId: 'b' },
    },
  );
  assert.not.ok(of.namespaces.includes('network'));
  assert.ok(plan({}, of).namespaces.includes('network'));
});

const LISTED: HostFacts = { ...ROOT_FACTS, cgroup2: false, cgroups: legacyHost(true) };

test('--privileged gives all capabilities that the caller has, and no filter', () => {
  const all = plan({ privileged: true }, container({}, LISTED), LISTED).command;
  assert.equal([all.capabilities, all.seccomp], [CAPABILITY_NAMES, 'unconfined']);
  const few = plan({ privileged: true }, container(), { ...ROOT_FACTS, capabilities: ['CHOWN', 'KILL'] }).command;
  assert.equal(few.capabilities, ['CHOWN', 'KILL']);
});

test('a privileged command waits under the container’s list of devices, and is refused where there is none', () => {
  const { cgroups } = plan({ privileged: true }, container({}, LISTED), LISTED);
  const folder = `/sys/fs/cgroup/devices/user.slice/tsimg/${AROUND.id}`;
  assert.equal(
    cgroups.filter(({ waiting }) => waiting !== undefined),
    [{ directory: `${folder}/container`, waiting: `${folder}/entering`, required: true }],
  );
  assert.ok(cgroups.every(({ required }) => required));
  assert.ok(plan({}, container({}, LISTED), LISTED).cgroups.every(({ required }) => !required));
  const exposed = { ...LISTED, cgroups: { ...LISTED.cgroups, exposed: ['net_cls'] } };
  for (const [of, facts] of [
    [container(), ROOT_FACTS],
    [container({}, exposed), exposed],
  ] as const) {
    assert.throws(() => plan({ privileged: true }, of, facts), /no privileged command/);
  }
  // A privileged container may use all devices, and in a user namespace no device can be opened.
  plan({ privileged: true }, container({ privileged: true }));
  plan({ privileged: true }, container({}, USER_FACTS), USER_FACTS);
});

test('a toolbox has its own files, environment and user (root); all else is the container’s', () => {
  const of = container({ capAdd: ['NET_ADMIN'] });
  const root = { kind: 'directory', path: '/tools' } as const;
  const config = { ...EMPTY_RUN_CONFIG, env: ['TOOLS=1'], workingDir: '/work' };
  const around = { facts: ROOT_FACTS, hostEnv: {}, root, config };
  const { command, toolbox, namespaces } = planToolbox(of, { ...PLAIN, command: [] }, around);
  assert.equal([command.args, command.user, command.cwd], [['/bin/sh'], '', '/work']);
  assert.equal(command.capabilities, of.command.capabilities);
  assert.ok(command.env.includes('TOOLS=1') && command.env.includes(`HOSTNAME=${AROUND.id.slice(0, 12)}`));
  assert.not.ok(command.env.includes('A=image'));
  assert.equal(namespaces, plan({}, of).namespaces);
  assert.equal(toolbox?.shown.at(-1), { from: '/', to: '/container' });
});

test('an invalid request is refused', () => {
  assert.is(refused({ command: [] }), 'USAGE');
  assert.is(refused({ command: ['a\0b'] }), 'USAGE');
  assert.is(refused({ workdir: 'relative' }), 'USAGE');
  assert.is(refused({ detached: true, terminal: true }), 'USAGE');
  assert.is(refused({ env: ['=x'] }), 'USAGE');
});

test('a detached command reads /dev/null', () => {
  assert.is(plan({ detached: true, interactive: true }).command.stdin, false);
});

test('the plan has a line for each step, and ends with the command', () => {
  const lines = formatExecPlan(plan({ terminal: true })).split('\n');
  assert.match(lines[0] ?? '', /^join namespaces mount pid ipc uts/);
  assert.ok(lines.includes('open a terminal on ROOT/dev/pts'));
  assert.is(lines.at(-1), 'exec ls -l');
});

test.run();
