import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { portableError, receiveError } from '../../src/sys/portable-error.ts';

const test = suite('sys/portable-error');

/** The error as another process throws it. */
function sent(error: unknown): Error {
  return receiveError(JSON.parse(JSON.stringify(portableError(error))));
}

test('an error of tsimg arrives with its code, its words and its facts', () => {
  const facts = { errno: 'ENOENT', size: 3, asked: true, none: null, names: ['a', 'b'] };
  const error = new TsimgError('FILESYSTEM', 'cannot open it', { where: '/x', why: 'ENOENT', hint: 'make it', facts });
  const { stack: _, ...fields } = sent(error);
  assert.ok(sent(error) instanceof TsimgError);
  const { stack: __, ...expected } = error;
  assert.equal(fields, expected);
  assert.is(sent(error).message, error.message);
});

test('a system call that Node was refused arrives as an error of tsimg', () => {
  try {
    readFileSync('/proc/self/absent');
    assert.unreachable();
  } catch (error) {
    const received = sent(error);
    assert.ok(received instanceof TsimgError);
    assert.is(received.code, 'FILESYSTEM');
    assert.is(received.facts.errno, 'ENOENT');
  }
});

test('an error that tsimg did not expect stays one, with the stack of the place where it was thrown', () => {
  const error = new TypeError('x is not a function');
  const received = sent(error);
  assert.not(received instanceof TsimgError);
  assert.is(received.message, error.message);
  assert.is(received.stack, error.stack);
  assert.is(sent('only text').message, 'only text');
});

test('other data in the place of an error is received without its fields', () => {
  for (const raw of [undefined, null, 3, 'text', [], { what: 3, stack: {} }, { code: 'toString', what: [] }]) {
    assert.is(receiveError(raw).message, 'an error without a message');
  }
  const received = receiveError({
    code: 'USAGE',
    what: 'w',
    where: 3,
    facts: { good: 1, bad: { deep: 1 }, mixed: [1] },
  });
  assert.ok(received instanceof TsimgError);
  assert.is(received.message, 'w');
  assert.equal(received.facts, { good: 1 });
});

test.run();
