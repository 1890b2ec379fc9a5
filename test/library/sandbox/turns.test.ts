import { getEventListeners } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Turns } from '../../../src/library/sandbox/turns.ts';

const test = suite('library/sandbox/turns');

test('one action begins when the one before it has ended, failed or not', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const action = (name: string, fails = false) =>
    turns.take(async () => {
      seen.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([action('one', true), action('two')]);
  assert.equal(
    results.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.message)),
    ['one', 'two'],
  );
  assert.equal(seen, ['one begins', 'one ends', 'two begins', 'two ends']);
  await turns.last;
});

test('an abort ends the wait for a turn at once, with its reason, and nothing of the action is done', async () => {
  const turns = new Turns();
  let end = () => {};
  const first = turns.take(() => new Promise<void>((resolve) => (end = resolve)));
  const reason = new RangeError('enough');
  const abort = new AbortController();
  let isDone = false;
  const second = turns.take(async () => {
    isDone = true;
  }, abort.signal);
  abort.abort(reason);
  assert.is(await second.catch((error: unknown) => error), reason);
  const third = turns.take(async () => {
    isDone = true;
  }, abort.signal);
  assert.is(await third.catch((error: unknown) => error), reason);
  end();
  await first;
  await turns.last;
  assert.not.ok(isDone);
});

test('an action that has begun is not given up, and no listener stays', async () => {
  const turns = new Turns();
  const abort = new AbortController();
  const taken = turns.take(async () => {
    abort.abort();
    await new Promise((resolve) => setImmediate(resolve));
    return 'done';
  }, abort.signal);
  assert.is(await taken, 'done');
  assert.is(getEventListeners(abort.signal, 'abort').length, 0);
});

test.run();
