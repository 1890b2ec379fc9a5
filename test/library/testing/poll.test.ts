import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { poll } from '../../../src/library/testing/poll.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('library/testing/poll');

test('an attempt that is given up does not hide what was missing before', async () => {
  const stop = new AbortController();
  let attempts = 0;
  const attempt = async (signal: AbortSignal) => {
    attempts += 1;
    if (attempts === 1) return 'not yet';
    setTimeout(() => stop.abort(new Error('the time is over')), 10);
    await sleep(10_000, undefined, { signal });
    return undefined;
  };
  const { message, why } = await failureOf(poll('it', attempt, { signal: stop.signal, interval: 1 }), 'LAUNCH_FAILED');
  assert.match(message, 'waited in vain for it');
  assert.is(why, 'not yet');
});

test('an attempt that throws has to wait, and an error that it returns ends the wait', async () => {
  const answers = [new Error('refused'), new TsimgError('CONTAINER_STATE', 'in vain')];
  const attempt = async () => {
    const answer = answers.shift();
    if (answer instanceof TsimgError) return answer;
    throw answer;
  };
  const { signal } = new AbortController();
  await failureOf(poll('it', attempt, { signal, interval: 1 }), 'CONTAINER_STATE');
});

test.run();
