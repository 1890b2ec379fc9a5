import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { parseSignal } from '../../src/linux/signals.ts';

const test = suite('linux/signals');

test('a signal is a name in either case, with or without SIG, or a number', () => {
  for (const text of ['TERM', 'term', 'SIGTERM', '15'])
    assert.equal(parseSignal(text), { name: 'SIGTERM', number: 15 });
});

test('real-time signals are counted up from the first and down from the last', () => {
  const numbers = ['RTMIN', 'SIGRTMIN+3', 'rtmin+30', 'RTMAX-30', 'RTMAX-1', 'RTMAX', '34', '64'].map(
    (text) => parseSignal(text).number,
  );
  assert.equal(numbers, [34, 37, 64, 34, 63, 64, 34, 64]);
});

test('a number that no program can handle, and an offset that leaves the real-time signals, are refused', () => {
  const wrong = ['', '0', '32', '33', '65', '-1', 'NONE', 'SIGSIGTERM'];
  const outside = ['RTMIN+31', 'RTMIN-1', 'RTMAX-31', 'RTMAX-40', 'RTMAX-55', 'RTMAX+1', 'RTMIN+', 'RTMIN+100'];
  for (const text of [...wrong, ...outside]) {
    assert.throws(
      () => parseSignal(text),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
      text,
    );
  }
});

test.run();
