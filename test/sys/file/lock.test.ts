import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { acquireLock, tryLock } from '../../../src/sys/file/lock.ts';
import { failureOf } from '../../support/failure-of.ts';
import { asIdentity } from '../../support/host/as-user.ts';
import { inMountNamespace } from '../../support/host/in-mount-namespace.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('sys/file/lock');

async function lockedByOther(path: string) {
  const module = new URL('../../../src/sys/file/lock.js', import.meta.url).href;
  const script = `import { acquireLock } from ${JSON.stringify(module)};
      globalThis.lock = await acquireLock(process.argv[1], 'exclusive');
      console.log('held');
      setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path]);
  await once(child.stdout, 'data');
  return child;
}

test('a lock has several shared holders, or one exclusive holder', async () => {
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

test('a wait ends when the lock is released', async () => {
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
  const waiting = acquireLock(path, 'shared', { signal: abort.signal });
  abort.abort();
  const error: unknown = await waiting.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Error && error.name === 'AbortError');
});

test('a killed process releases its lock', async () => {
  const dir = tempDir();
  const path = join(dir, 'lock');
  const child = await lockedByOther(path);
  try {
    assert.is(await tryLock(path, 'shared'), undefined);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await using lock = await acquireLock(path, 'shared');
  assert.ok(lock);
});

test('a wait for a stopped process is reported with its number, and ends', async () => {
  const path = join(tempDir(), 'lock');
  const child = await lockedByOther(path);
  const warnings: string[] = [];
  try {
    child.kill('SIGSTOP');
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    const signal = AbortSignal.timeout(60_000);
    const error = await failureOf(acquireLock(path, 'shared', { signal, onEvent }), 'BUSY');
    assert.is(error.where, path);
    assert.match(error.why ?? '', new RegExp(`process ${child.pid} \\(`));
    assert.match(error.hint ?? '', `kill -CONT ${child.pid}`);
    assert.is(warnings.length, 1);
    assert.match(warnings[0] ?? '', new RegExp(`process ${child.pid} .*which is stopped`));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test('a wait for a running process goes on longer, and gets the lock', async () => {
  const path = join(tempDir(), 'lock');
  const child = await lockedByOther(path);
  const warnings: string[] = [];
  const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
  const waiting = acquireLock(path, 'shared', { onEvent });
  try {
    await sleep(13_000);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await using lock = await waiting;
  assert.ok(lock);
  assert.match(warnings.join(), new RegExp(`^waiting for process ${child.pid} \\([^,]*\\) to release `));
});

test('a lock file that cannot be made: the error tells why it cannot, and what to do', async () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const dir = tempDir();
  const module = new URL('../../../src/sys/file/lock.js', import.meta.url).href;
  const take = `import { tryLock } from ${JSON.stringify(module)};
      await tryLock(process.argv[1] + '/lock', 'shared').catch(({ why, hint }) => console.log(why + '; ' + hint));`;
  const told = inMountNamespace('mount -t tmpfs -o ro none "$1"', take, dir);
  assert.match(told, /^the file system is mounted read-only; mount it writable; .*--root or \$TSIMG_ROOT$/);

  chmodSync(dir, 0o755);
  const path = join(dir, 'lock');
  for (const isThere of [false, true]) {
    if (isThere) writeFileSync(path, '', { mode: 0o600 });
    const error = await failureOf(
      asIdentity('ordinary user', () => tryLock(path, 'shared')),
      'FILESYSTEM',
    );
    assert.is(error.why, 'permission is denied');
    assert.match(error.hint ?? '', /a folder of your own with --root or \$TSIMG_ROOT/);
  }
});

test.run();
