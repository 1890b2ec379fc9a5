import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDuration } from '../../../../src/cli/option/patience.ts';
import { tsimgAsync } from '../../../support/command/tsimg-async.ts';
import { startFakeRegistry } from '../../../support/registry/fake-registry.ts';

// How long the verbs wait for a registry, by their options.

const test = suite('cli/verb/registry/patience');
const TAGS = '/v2/a/b/tags/list';
const page = { path: TAGS, headers: { 'content-type': 'application/json' }, body: '{"tags":["1"]}' };

test('a time is seconds, or has a unit', () => {
  assert.equal(['3', '0.25', '250ms', '2m', '0'].map(parseDuration), [3000, 250, 250, 120_000, 0]);
  for (const text of ['', '-1', '1h', '61m', '1e3', '0x10', ' 1', '1.']) assert.throws(() => parseDuration(text));
});

test('every verb that asks a registry has the options', async () => {
  const verbs = ['pull', 'push', 'copy', 'tags', 'manifest', 'delete', 'login', 'verify', 'referrers', 'sbom'];
  for (const verb of [...verbs, 'inspect', 'history', 'ls', 'save', 'load', 'unpack', 'export', 'run']) {
    const { stdout } = await tsimgAsync([verb, '--help']);
    for (const option of ['--retry <n>', '--retry-delay <time>', '--timeout <time>']) {
      assert.ok(stdout.includes(option), `${verb} ${option}`);
    }
    assert.is(stdout.includes('--max-document <size>'), verb !== 'login', verb);
    assert.is(stdout.includes('--concurrency <n>'), ['pull', 'push', 'copy', 'run'].includes(verb), verb);
  }
});

test('--retry says how often, and --retry-delay after which time', async () => {
  await using registry = await startFakeRegistry([{ ...page, status: 503, times: 2 }, page]);
  const call = (...options: readonly string[]) => tsimgAsync(['tags', ...options, `${registry.host}/a/b`]);
  const once = await call('--retry', '0');
  assert.is(once.status, 1);
  assert.match(once.stderr, /503/);
  const again = await call('--retry', '1', '--retry-delay', '10ms');
  assert.is(again.status, 0, again.stderr);
  assert.is(again.stdout, '1\n');
  assert.is(registry.log.length, 3);
});

test('--timeout ends the wait for a silent registry', async () => {
  await using registry = await startFakeRegistry([{ ...page, stallAfter: 3 }]);
  const { status, stderr } = await tsimgAsync(['tags', '--timeout', '1', '--retry', '0', `${registry.host}/a/b`]);
  assert.is(status, 1);
  assert.match(stderr, /it does not answer in time/);
});

test('--max-document holds for lists, too', async () => {
  await using registry = await startFakeRegistry([page]);
  const { status, stderr } = await tsimgAsync(['tags', '--max-document', '5', `${registry.host}/a/b`]);
  assert.is(status, 1);
  assert.match(stderr, /--max-document/);
});

test('nonsense is told before anything is asked', async () => {
  for (const words of [
    ['--retry', '-1'],
    ['--retry-delay', '1h'],
    ['--timeout', '0'],
  ] as const) {
    const { status, stderr } = await tsimgAsync(['tags', ...words, 'registry.example/a']);
    assert.is(status, 2, stderr);
    assert.match(stderr, /It takes/);
  }
});

test.run();
