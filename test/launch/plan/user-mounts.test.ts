import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AROUND, PLAIN_REQUEST, ROOT_FACTS } from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { LaunchPlan } from '../../../src/launch/launch-plan.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/user-mounts');

function plan(request: Partial<RunRequest>): LaunchPlan {
  return planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts: ROOT_FACTS });
}

/** The steps for a target, in order. */
function at(target: string, { steps }: LaunchPlan): readonly string[] {
  return steps.filter((step) => 'target' in step && step.target === target).map((step) => step.do);
}

test('a user’s mount at or above one of our files replaces it', () => {
  for (const path of ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf']) {
    const network = 'host';
    assert.equal(at(path, plan({ network })), ['file'], path);
    assert.equal(at(path, plan({ network, volumes: [`/f:${path}:ro`] })), ['bind'], path);
    assert.equal(at(path, plan({ network, mounts: [`type=bind,source=/f,target=${path}`] })), ['bind'], path);
    assert.equal(at(path, plan({ network, volumes: ['/d:/etc'] })), [], path);
    assert.equal(at(path, plan({ network, tmpfs: ['/etc'] })), [], path);
    assert.equal(at(path, plan({ network, volumes: [`/f:${path}-other`] })), ['file'], path);
  }
});

test('two mounts at one place are refused, in whatever spelling and of whatever kind', () => {
  for (const request of [
    { volumes: ['a:/d', '/a:/d/'] },
    { volumes: ['/d'], tmpfs: ['/d'] },
    { volumes: ['/a:/d'], mounts: ['type=bind,source=/b,target=/x/../d'] },
  ]) {
    assert.throws(
      () => plan(request),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE' && /duplicate.*\/d/.test(error.message),
    );
  }
  assert.equal(at('/d/e', plan({ volumes: ['a:/d', 'a:/d/e'] })), ['bind']);
});

test('a user’s mount replaces the kernel’s file system and its masks', () => {
  assert.equal(at('/dev/shm', plan({ tmpfs: ['/dev/shm:size=1m'] })), ['directory', 'mount']);
  assert.equal(at('/dev/mqueue', plan({ volumes: ['/q:/dev/mqueue'] })), ['directory', 'bind']);
  const { steps } = plan({ volumes: ['/sys:/sys'] });
  const below = steps.flatMap((step) => ('target' in step && step.target.startsWith('/sys') ? [step.do] : []));
  assert.equal(below, ['bind']);
});

test('a mount on /dev covers ours, after the terminal was opened there', () => {
  const made = plan({ volumes: ['/d:/dev'], terminal: true });
  assert.equal(at('/dev', made), ['mount', 'bind']);
  assert.equal(at('/dev/shm', made), ['directory']);
  const kinds = made.steps.map((step) => step.do);
  assert.is(kinds.indexOf('terminal') < kinds.indexOf('bind'), true);
  assert.match(made.warnings.join(), /--privileged/);
});

test('devices work in a privileged container’s mount on /dev, and nowhere else', () => {
  const attributes = (request: Partial<RunRequest>) =>
    plan(request).steps.flatMap((step) => (step.do === 'bind' ? [step.attributes] : []));
  assert.equal(attributes({ volumes: ['/d:/dev'], privileged: true }), [[]]);
  assert.equal(attributes({ volumes: ['/d:/data'], privileged: true }), [['nodev']]);
  assert.equal(attributes({ volumes: ['/d:/dev'] }), [['nodev']]);
});

test('the init of --init finds another place where the user mounts something on /dev', () => {
  const facts = { ...ROOT_FACTS, tools: { ...ROOT_FACTS.tools, init: '/usr/bin/catatonit' } };
  const init = (volumes: readonly string[]) =>
    planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, init: true, volumes }, { ...AROUND, facts }).command.args[0];
  assert.is(init([]), '/dev/init');
  assert.is(init(['/d:/dev']), '/sbin/tsimg-init');
  assert.throws(
    () => init(['/d:/dev', '/s:/sbin']),
    (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
  );
});

test('our files come after the user’s mounts in memory, and before the host’s directories', () => {
  const { steps } = plan({ network: 'host', tmpfs: ['/run', '/data/cache'], volumes: ['/d:/data', '/v:/var'] });
  const order = steps.flatMap((step) =>
    step.do === 'file' || step.do === 'bind' || (step.do === 'mount' && !step.strict) ? [step.target] : [],
  );
  assert.equal(order, ['/run', '/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/data', '/var', '/data/cache']);
});

test.run();
