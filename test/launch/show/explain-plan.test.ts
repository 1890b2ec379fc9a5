import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PLAN_CASES } from '../../../fixtures/make/plans.ts';
import { explainPlan } from '../../../src/launch/show/explain-plan.ts';
import { formatPlan } from '../../../src/launch/show/format-plan.ts';
import { formatStep } from '../../../src/launch/show/format-step.ts';

const test = suite('launch/show/explain-plan');

function planOf(wanted: string) {
  const found = PLAN_CASES.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`no plan ${wanted}`);
  return found.plan();
}

for (const { name, plan: make } of PLAN_CASES) {
  test(`${name}: every step is explained, in the plan's order, below a line that says why`, () => {
    const plan = make();
    const lines = explainPlan(plan).split('\n');
    const commands = lines.filter((line) => !line.startsWith('#'));
    const steps = plan.steps.map(formatStep);
    const start = commands.indexOf(steps[0] ?? '');
    assert.equal(commands.slice(start, start + steps.length), steps);
    assert.ok(lines[0]?.startsWith('# '));
    assert.not.ok(lines.some((line, index) => line.startsWith('#') && line === lines[index + 2]));
  });
}

test('the maps are explained to a user, and not to root', () => {
  const text = (wanted: string) => explainPlan(planOf(wanted));
  assert.match(text('user-directory'), /^newuidmap PID 0 1000 1 1 100000 65536 65537 300000 1000$/m);
  assert.match(text('user-single-id'), /^echo 0 1000 1 > \/proc\/PID\/uid_map$/m);
  assert.not.match(text('root-directory'), /newuidmap|--user/);
});

test('layers are explained with the upper directory, and so is the network', () => {
  const plan = planOf('root-image');
  assert.match(
    explainPlan(plan),
    /^mount -t overlay -o \S*lowerdir=\S+,upperdir=\S+\/upper,workdir=\S+\/work overlay ROOT$/m,
  );
  const steps = plan.steps.map((step) =>
    step.do === 'root' && step.root.kind === 'overlay'
      ? { ...step, root: { ...step.root, volatile: true as const } }
      : step,
  );
  assert.match(explainPlan({ ...plan, steps }), /^mount -t overlay -o \S*workdir=\S+\/work,volatile overlay ROOT$/m);
  const port = { hostAddress: undefined, hostPort: 8080, containerPort: 80, protocol: 'tcp' } as const;
  const bridge = { kind: 'bridge', id: 'abcdef0123', names: [], ports: [port], hosts: [], directory: '/x' } as const;
  const pasta = { kind: 'pasta', ports: [port], hostLoopback: false } as const;
  for (const show of [explainPlan, formatPlan]) {
    const text = show({ ...plan, network: bridge });
    assert.match(text, /^ip link add tsimg-abcdef01 type veth peer name eth0 netns PID$/m);
    assert.match(text, /^nft add rule ip tsimg ports tcp dport 8080 dnat to ADDRESS:80$/m);
    assert.match(show({ ...plan, network: pasta }), /^pasta --config-net .*--no-map-gw .*-t 8080:80 .*PID$/m);
    assert.not.match(show({ ...plan, network: { kind: 'none' } }), /veth|pasta|nft/);
  }
});

test('a volume that stays empty is told from one that is filled', () => {
  const plan = planOf('root-directory');
  const volume = {
    do: 'bind',
    source: '/v',
    target: '/v',
    attributes: ['nodev'],
    imageVolume: true,
    volume: 'v',
  } as const;
  const text = (unfilled?: true) => explainPlan({ ...plan, steps: [...plan.steps, { ...volume, unfilled }] });
  assert.match(text(), /^# A volume: .*, filled with the image’s files at its first use\.$/m);
  assert.match(text(true), /^# A volume: .*, which stays empty at its first use, as requested\.$/m);
});

test('cgroups of version 1 are read-only in every container', () => {
  assert.match(explainPlan(planOf('root-devices-v1')), /^# The container’s own cgroups, read-only\.$/m);
  assert.match(explainPlan(planOf('root-devices-v2')), /those below it; read-only, unless it is privileged\.$/m);
});

test.run();
