import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { type HealthState, NEW_HEALTH, nextHealth } from '../../../src/launch/health.ts';
import { planHealth } from '../../../src/launch/plan/health.ts';
import { changeRunConfig } from '../../../src/oci/commit/change-run-config.ts';
import { parseImageConfig } from '../../../src/oci/config.ts';
import { healthcheckDocument, parseGoDuration } from '../../../src/oci/healthcheck.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/health');

const DEFAULTS = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5000, retries: 3 };

function isRefused(action: () => unknown): void {
  assert.throws(action, (error: unknown) => error instanceof TsimgError && error.code === 'USAGE');
}

test('the image’s check runs with docker’s defaults, and options replace its parts', () => {
  const image = { test: ['CMD-SHELL', 'curl -f localhost'], interval: 5e9, retries: 0 };
  const shell = ['/bin/sh', '-c', 'curl -f localhost'];
  assert.equal(planHealth(image), { ...DEFAULTS, command: shell, interval: 5000 });
  assert.equal(planHealth(image, { interval: '1m30s', retries: 7, timeout: '500ms' }), {
    ...DEFAULTS,
    command: shell,
    interval: 90_000,
    timeout: 500,
    retries: 7,
  });
  const whole = { ...image, timeout: 1e9, startPeriod: 2e9, startInterval: 3e9, retries: 4 };
  const zero = { interval: '0s', timeout: '0s', startPeriod: '0s', startInterval: '0s', retries: 0 };
  assert.equal(planHealth(whole, zero), planHealth(whole));
  assert.equal(planHealth(image, zero), planHealth(image));
  assert.equal(planHealth(image, { command: '["test", "-e", "/x"]' })?.command, ['test', '-e', '/x']);
  assert.equal(planHealth(undefined, { command: '[ -e /x ]' })?.command, ['/bin/sh', '-c', '[ -e /x ]']);
  for (const none of [
    planHealth(image, { none: true }),
    planHealth(image, { command: 'none' }),
    planHealth(undefined),
  ]) {
    assert.is(none, undefined);
  }
  assert.is(planHealth({ test: ['NONE'] }, { interval: '1s' }), undefined);
});

test('a check that makes no sense is refused', () => {
  isRefused(() => planHealth({ test: ['CMD'] }));
  isRefused(() => planHealth({ test: ['RUN', 'x'] }));
  isRefused(() => planHealth(undefined, { command: '' }));
  isRefused(() => planHealth(undefined, { command: '[1]' }));
  isRefused(() => planHealth(undefined, { command: 'x', none: true }));
  for (const interval of ['1', '-1s', '1x', '1s ', '10us', '']) isRefused(() => planHealth(undefined, { interval }));
});

test('failures in a row make it unhealthy, those of its start period do not count, one success makes it healthy', () => {
  const plan = { ...DEFAULTS, command: ['x'], retries: 2, startPeriod: 1000 };
  const after = (before: HealthState, exitCode: number, sinceStart: number) =>
    nextHealth(before, { start: '', end: '', exitCode, output: '' }, plan, sinceStart);
  const early = after(after(after(NEW_HEALTH, 1, 10), 1, 20), 1, 999);
  assert.equal([early.status, early.failingStreak, early.log.length], ['starting', 0, 3]);
  const once = after(early, 1, 1000);
  assert.equal([once.status, once.failingStreak], ['starting', 1]);
  const twice = after(once, -1, 1100);
  assert.equal([twice.status, twice.failingStreak, twice.log.length], ['unhealthy', 2, 5]);
  const well = after(twice, 0, 1200);
  assert.equal([well.status, well.failingStreak, well.log.length], ['healthy', 0, 5]);
  // Once it was healthy, the start period is over.
  assert.is(after(after(after(NEW_HEALTH, 0, 10), 1, 20), 1, 30).status, 'unhealthy');
});

test('HEALTHCHECK of a Dockerfile is read as docker reads it, and written and read in docker’s form', () => {
  const changed = (line: string) => changeRunConfig(EMPTY_RUN_CONFIG, [`HEALTHCHECK ${line}`], () => {}).healthcheck;
  assert.equal(changed('NONE'), { test: ['NONE'] });
  assert.equal(changed('CMD curl -f "x y"'), { test: ['CMD-SHELL', 'curl -f "x y"'] });
  const whole = changed(
    '--interval=1m30s --timeout=500ms --start-period=2s --start-interval=1s --retries=4 cmd ["a", "b c"]',
  );
  const options = { interval: 90e9, timeout: 5e8, startPeriod: 2e9, startInterval: 1e9, retries: 4 };
  assert.equal(whole, { ...options, test: ['CMD', 'a', 'b c'] });
  const Healthcheck = healthcheckDocument({ ...options, test: ['CMD', 'a'] });
  assert.equal(Healthcheck, {
    ...{ Test: ['CMD', 'a'], Interval: 90e9, Timeout: 5e8, StartPeriod: 2e9, StartInterval: 1e9, Retries: 4 },
  });
  const read = parseImageConfig(Buffer.from(JSON.stringify({ config: { Healthcheck } })), 'it');
  assert.equal(read.run.healthcheck, { ...options, test: ['CMD', 'a'] });
  for (const line of [
    '',
    'CMD',
    'RUN x',
    'NONE x',
    '--interval=5 CMD x',
    '--retries=x CMD x',
    '--retries=3 NONE',
    'CMD []',
  ]) {
    isRefused(() => changed(line));
  }
  assert.equal(['1h', '1.5s', '2h45m', '2us', '2\u00b5s', '2\u03bcs', '0', '1d'].map(parseGoDuration), [
    3600e9,
    1.5e9,
    2 * 3600e9 + 45 * 60e9,
    2000,
    2000,
    2000,
    0,
    undefined,
  ]);
});

test.run();
