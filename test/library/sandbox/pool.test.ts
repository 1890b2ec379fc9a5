import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SandboxPool } from '../../../src/library/sandbox/pool.ts';
import { Sandbox } from '../../../src/library/sandbox/sandbox.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('library/sandbox/pool');

/** A sandbox that is closed by a function. */
function boxOf(close: () => Promise<void>): Sandbox {
  return Object.create(Sandbox.prototype, { close: { value: close } });
}

test('a pool whose sandbox cannot be closed closes the others before it says so', async () => {
  let isClosed = false;
  const boxes = [
    boxOf(async () => {
      throw new Error('no');
    }),
    boxOf(async () => {
      await sleep(30);
      isClosed = true;
    }),
  ];
  const pool = new SandboxPool(async () => boxes.shift() ?? boxOf(async () => {}), 2);
  await pool.fill();
  assert.is(await pool.close().catch((error: Error) => error.message), 'no');
  assert.ok(isClosed);
});

test('a pool that is closed neither gives nor fills, also where it is closed as it fills', async () => {
  let made = 0;
  const pool = new SandboxPool(async () => {
    await sleep(20);
    made += 1;
    return boxOf(async () => {});
  }, 2);
  const filling = failureOf(pool.fill(), 'CONTAINER_STATE');
  await pool.close();
  await filling;
  assert.is(pool.ready, 0);
  for (const call of [pool.fill(), pool.take()]) await failureOf(call, 'CONTAINER_STATE');
  assert.is(made, 2);
});

test.run();
