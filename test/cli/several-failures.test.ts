import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { severalErrors, TsimgError, throwAll } from '../../src/errors.ts';
import { ROOT } from '../support/checkout.ts';
import { tsimg } from '../support/command/tsimg.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeImage } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { tempDir } from '../support/temp-dir.ts';

// Verbs with several operands: each that fails is told, in a line of its own.

const test = suite('cli/several-failures');
const env = { TSIMG_ROOT: join(tempDir(), 'store'), HOME: '/nonexistent' };
const call = (...args: readonly string[]) => tsimg(args, { env, cwd: ROOT });

test('each container that a verb fails with is told on its own line', () => {
  for (const verb of ['rm', 'stop', 'kill', 'start', 'restart', 'wait', 'inspect']) {
    const { status, stdout, stderr } = call(verb, 'no-one', 'no-two');
    const lines = stderr.trimEnd().split('\n');
    assert.is(status, 3, stderr);
    assert.is(stdout, '');
    assert.is(lines.length, 2, `${verb}: ${stderr}`);
    for (const [i, name] of ['no-one', 'no-two'].entries()) {
      assert.match(lines[i] ?? '', new RegExp(`^tsimg: no .*${name}`), verb);
    }
  }
  const json = call('rm', '--json', 'no-one', 'no-two').stderr.trimEnd().split('\n');
  assert.equal(
    json.map((line) => JSON.parse(line).error.code),
    ['CONTAINER_NOT_FOUND', 'CONTAINER_NOT_FOUND'],
  );
});

test('rmi tells each image that it lacks, and removes none then', () => {
  const made = makeImage({ layers: [Buffer.alloc(2000, 'x')], gzip: true });
  const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, '1')], made.blobs);
  assert.is(call('copy', '-q', `oci:${layout}:1`, 'store:localhost/here:1').status, 0);
  const { status, stderr } = call('rmi', 'localhost/one:1', 'localhost/here:1', 'localhost/two:1');
  assert.is(status, 3);
  assert.equal(
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => /no image (\S+)/.exec(line)?.[1]),
    ['localhost/one:1', 'localhost/two:1'],
  );
  const seen = call('inspect', 'localhost/here:1', 'localhost/one:1');
  assert.is(seen.status, 3);
  assert.is(JSON.parse(seen.stdout).length, 1, 'what is there is printed');
});

for (const options of [[], ['--dry-run']]) {
  test(`pull ${options} goes on with the next image, and tells each that failed`, () => {
    const { status, stdout, stderr } = call('pull', ...options, '--json', '127.0.0.1:1/one', '127.0.0.1:1/two');
    assert.is(status, 1);
    assert.is(stdout, '');
    const where = stderr
      .trimEnd()
      .split('\n')
      .map((line) => /127\.0\.0\.1:1\S*/.exec(line)?.[0]);
    assert.is(where.length, 2, stderr);
    assert.match(where[0] ?? '', '/one/');
    assert.match(where[1] ?? '', '/two/');
  });
}

test('too many operands are counted in a sentence', () => {
  assert.match(call('prune', 'a').stderr, ': it takes none, and 1 is given; ');
  assert.match(call('tags', 'a', 'b').stderr, ': it takes 1, and 2 are given; ');
});

test('one failure is thrown as it is, several together, and others are not taken for several', async () => {
  const [one, two] = [new TsimgError('USAGE', 'one'), new TsimgError('BUSY', 'two')];
  throwAll([]);
  const thrown = async (failures: readonly unknown[]) => throwAll(failures);
  assert.is(await failureOf(thrown([one])), one);
  const both: unknown = await thrown([one, two]).catch((error: unknown) => error);
  assert.equal(severalErrors(both), [one, two]);
  assert.is(severalErrors(one), undefined);
  assert.is(severalErrors(new AggregateError([new Error('of a socket')])), undefined);
});

test.run();
