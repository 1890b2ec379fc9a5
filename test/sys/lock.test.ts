import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { acquireLock, tryLock } from '../../src/sys/lock.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('sys/lock');

test('shared locks stand beside each other, an exclusive one alone', async () => {
  const dir = tempDir();
  const path = join(dir, 'lock');
  const first = await tryLock(path, 'shared');
  const second = await tryLock(path, 'shared');
  assert.ok(first && second);
  assert.is(await tryLock(path, 'exclusive'), undefined);
  await first.close();
  assert.is(await tryLock(path, 'exclusive'), undefined);
  await second.close();
  await using exclusive = await tryLock(path, 'exclusive');
  assert.ok(exclusive);
  assert.is(await tryLock(path, 'shared'), undefined);
});

test('who waits gets the lock when it is given back', async () => {
  const dir = tempDir();
  const path = join(dir, 'lock');
  const order: string[] = [];
  const first = await acquireLock(path, 'exclusive');
  const waiting = acquireLock(path, 'exclusive').then(async (lock) => {
    order.push('second');
    await lock.close();
  });
  order.push('first');
  await first.close();
  await waiting;
  assert.equal(order, ['first', 'second']);
});

test('waiting can be aborted', async () => {
  const dir = tempDir();
  const path = join(dir, 'lock');
  await using _held = await acquireLock(path, 'exclusive');
  const abort = new AbortController();
  const waiting = acquireLock(path, 'shared', abort.signal);
  abort.abort();
  const error: unknown = await waiting.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Error && error.name === 'AbortError');
});

test('a process that is killed gives its lock back', async () => {
  const dir = tempDir();
  const path = join(dir, 'lock');
  const module = new URL('../../src/sys/lock.js', import.meta.url).href;
  const script = `import { acquireLock } from ${JSON.stringify(module)};
      globalThis.lock = await acquireLock(process.argv[1], 'exclusive'); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path]);
  try {
    await once(child.stdout, 'data');
    assert.is(await tryLock(path, 'shared'), undefined);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await using lock = await acquireLock(path, 'shared');
  assert.ok(lock);
});

test.run();
