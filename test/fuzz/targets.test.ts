import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OTHER_TARGETS, TARGETS } from './all-targets.ts';
import { holdTarget } from './hold-target.ts';
import { ITERATIONS } from './iterations.ts';

// A few thousand inputs for all parts that take bytes from outside, the same every time. `npm run fuzz` tries more.
const test = suite('fuzz/targets');

test('every target has a name of its own and its share of the suite', () => {
  const names = TARGETS.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.equal(
    names.filter((name) => ITERATIONS[name] === undefined),
    [],
  );
});

for (const target of OTHER_TARGETS) holdTarget(test, target);

test.run();
