import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AROUND,
  PLAIN_REQUEST,
  PLAN_CASES,
  PLANS,
  ROOT_FACTS,
  SINGLE_FACTS,
  USER_FACTS,
} from '../../../fixtures/make/plans.ts';
import { TsimgError } from '../../../src/errors.ts';
import type { HostFacts } from '../../../src/launch/facts/host-facts.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/plan-run');

function plan(request: Partial<RunRequest> = {}, facts: HostFacts = ROOT_FACTS) {
  return planRun(EMPTY_RUN_CONFIG, { ...PLAIN_REQUEST, ...request }, { ...AROUND, facts });
}

function refused(request: Partial<RunRequest>): TsimgError {
  try {
    plan(request);
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

for (const { name, plan: make } of PLAN_CASES) {
  test(`the plan ${name} is the one that was looked at (node dist/fixtures/make/plans.js makes it anew)`, () => {
    assert.fixture(`${JSON.stringify(make(), undefined, 2)}\n`, readFileSync(join(PLANS, `${name}.json`), 'utf8'));
  });
}

test('every plan that is kept has a case', () => {
  assert.equal(readdirSync(PLANS).sort(), PLAN_CASES.map(({ name }) => `${name}.json`).sort());
});

test('a plan survives JSON unchanged: helpers get it so', () => {
  for (const { plan: make } of PLAN_CASES) assert.equal(JSON.parse(JSON.stringify(make())), make());
});

test('the root comes before the mounts on it, and the pivot is last', () => {
  for (const { plan: make } of PLAN_CASES) {
    const kinds = make().steps.map((step) => step.do);
    assert.is(kinds.indexOf('root') < kinds.indexOf('mount'), true);
    assert.is(kinds.at(-1), 'pivot');
    assert.is(kinds[0], 'private-mounts');
  }
});

test('a mount at a parent comes before one at a child', () => {
  const targets = plan({ volumes: ['/a:/x/y/z', '/b:/x'], tmpfs: ['/x/y'] })
    .steps.filter((step) => step.do === 'bind' || (step.do === 'mount' && step.target.startsWith('/x')))
    .map((step) => ('target' in step ? step.target : ''));
  assert.equal(targets, ['/x', '/x/y', '/x/y/z']);
});

test('a user gets a user namespace with all subordinate ranges, root none', () => {
  assert.is(plan().idMap, undefined);
  assert.equal(plan({}, USER_FACTS).idMap?.uids, [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
    { inside: 65_537, outside: 300_000, count: 1000 },
  ]);
});

test('a map never contains the host’s root, and never has more than 340 lines', () => {
  const many = Array.from({ length: 500 }, (_, index) => ({ start: 100_000 + index * 10, count: 10 }));
  const facts = { ...USER_FACTS, subordinateUids: [{ start: 0, count: 10 }, ...many] };
  const uids = plan({}, facts).idMap?.uids ?? [];
  assert.is(uids.length <= 340, true);
  assert.not.ok(uids.some(({ outside }) => outside === 0));
});

test('without subordinate IDs there is one ID, a warning, and no group list', () => {
  const { idMap, warnings, command } = plan({}, SINGLE_FACTS);
  assert.is(idMap?.by, 'single');
  assert.is(warnings.length, 1);
  assert.is(command.setGroups, false);
});

test('a host name may have underscores, as docker and podman take them', () => {
  for (const hostname of ['my_host', '_x', 'a_b.c-d', 'x'.repeat(64)]) {
    assert.ok(plan({ hostname }).steps.some((step) => step.do === 'hostname' && step.name === hostname));
  }
});

test('an invalid request is a USAGE error, before anything is done', () => {
  for (const request of [
    { command: [] },
    { hostname: '-x' },
    { hostname: 'a b' },
    { hostname: '' },
    { hostname: 'x'.repeat(65) },
    { workdir: 'relative' },
    { volumes: ['a name:/data'] },
    { volumes: ['.name:/data'] },
    { volumes: ['only-one'] },
    { volumes: [':/data'] },
    { volumes: ['/proc'] },
    { volumes: ['/a:/'] },
    { volumes: ['/a:/proc/sys'] },
    { volumes: ['/a:/b/../proc'] },
    { volumes: ['/a:/b:rx'] },
    { tmpfs: ['relative'] },
    { tmpfs: ['/t:size=1m,lowerdir=/etc'] },
    { capAdd: ['NOT_ONE'] },
    { env: ['=x'] },
    { command: ['a\0b'] },
  ]) {
    assert.is(refused(request).code, 'USAGE', JSON.stringify(request));
  }
});

test.run();
