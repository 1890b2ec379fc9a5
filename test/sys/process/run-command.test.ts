import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errnoOf } from '../../../src/errors.ts';
import { runCommand } from '../../../src/sys/process/run-command.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('sys/process/run-command');

test('the output of a program is collected, stream by stream', async () => {
  const result = await runCommand('sh', ['-c', 'cat; echo bad >&2; exit 3'], { input: 'in' });
  assert.is(result.stdout.toString(), 'in');
  assert.is(result.stderr.toString(), 'bad\n');
  assert.is(result.status, 3);
});

test('arguments never meet a shell', async () => {
  const { stdout } = await runCommand('echo', ['$(id); `id`']);
  assert.is(stdout.toString(), '$(id); `id`\n');
});

test('the error for a missing program has its errno', async () => {
  assert.is(errnoOf(await failureOf(runCommand('tsimg-no-such-program', []))), 'ENOENT');
});

test('a program that does not end is killed', async () => {
  const error = await failureOf(runCommand('sleep', ['60'], { timeout: 20 }));
  assert.is(errnoOf(error), 'ETIMEDOUT');
});

test('a program that writes without end is killed', async () => {
  await failureOf(runCommand('yes', [], { maxOutput: 4096 }), 'LIMIT_EXCEEDED');
});

test('an abort kills the program', async () => {
  const abort = new AbortController();
  const running = runCommand('sleep', ['60'], { signal: abort.signal });
  abort.abort();
  const error = await running.catch((thrown: unknown) => thrown);
  assert.is(error instanceof Error && error.name, 'AbortError');
});

test('a program that does not read its input does no harm', async () => {
  const { status } = await runCommand('true', [], { input: new Uint8Array(1 << 20) });
  assert.is(status, 0);
});

test('the environment is exactly the given one', async () => {
  const { stdout } = await runCommand('/usr/bin/env', [], { env: { ONLY: 'this' } });
  assert.is(stdout.toString(), 'ONLY=this\n');
});

test.run();
