import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRestartPolicy, restartPause, startsAgain } from '../../../src/launch/options/restart-policy.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('launch/options/restart-policy');

test('policies are spelt as docker spells them', async () => {
  assert.equal(parseRestartPolicy('always'), { when: 'always' });
  assert.equal(parseRestartPolicy('on-failure'), { when: 'on-failure' });
  assert.equal(parseRestartPolicy('on-failure:3'), { when: 'on-failure', times: 3 });
  for (const text of ['', 'Always', 'on-failure:', 'on-failure:-1', 'always:3', 'on-failure:1.5']) {
    await failureOf(
      Promise.resolve().then(() => parseRestartPolicy(text)),
      'USAGE',
    );
  }
});

test('on-failure restarts after failures alone, up to its number of times', () => {
  const policy = parseRestartPolicy('on-failure:2');
  assert.equal(
    [0, 1, 2].map((restarts) => startsAgain(policy, 1, restarts)),
    [true, true, false],
  );
  assert.not.ok(startsAgain(policy, 0, 0));
  assert.ok(startsAgain(parseRestartPolicy('on-failure'), 1, 1_000_000));
  assert.ok(startsAgain(parseRestartPolicy('unless-stopped'), 0, 9));
  assert.not.ok(startsAgain(parseRestartPolicy('no'), 1, 0));
});

test('pauses double up to a minute, and are reset after a long life', () => {
  const pauses: number[] = [];
  for (let count = 0; count < 12; count += 1) pauses.push(restartPause(pauses.at(-1), 0));
  assert.equal(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  assert.is(restartPause(60_000, 10_000), 100);
});

test.run();
