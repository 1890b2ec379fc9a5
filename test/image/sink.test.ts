import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { type Sink, withSink } from '../../src/image/sink.ts';
import { failureOf } from '../support/failure-of.ts';

const test = suite('image/sink');

/** A sink of which each end fails. */
function sinkWith(calls: string[], abort: boolean): Sink {
  const end = (name: string) => async () => {
    calls.push(name);
    throw new TsimgError('FILESYSTEM', name);
  };
  const unused = async () => {};
  const sink = { label: 'x', has: async () => false, write: unused, publish: unused, close: end('close') };
  return abort ? { ...sink, abort: end('abort') } : sink;
}

test('the error of the action is the one that is thrown, also where aborting fails', async () => {
  for (const [abort, expected] of [
    [true, ['abort']],
    [false, ['close']],
  ] as const) {
    const calls: string[] = [];
    const action = async () => {
      throw new TsimgError('USAGE', 'first');
    };
    await failureOf(withSink(sinkWith(calls, abort), action), 'USAGE');
    assert.equal(calls, expected);
  }
});

test('an error of completing the sink is thrown', async () => {
  const error = await failureOf(
    withSink(sinkWith([], true), async () => 1),
    'FILESYSTEM',
  );
  assert.match(error.message, 'close');
});

test.run();
