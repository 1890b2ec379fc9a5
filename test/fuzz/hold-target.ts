import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { haveTools } from '../support/tools.ts';
import type { FuzzReport } from './fuzz-target.ts';
import { fuzzInProcess } from './in-process.ts';
import { ITERATIONS, SEED } from './iterations.ts';
import { fuzzAndMinimise } from './report.ts';
import type { Target } from './target.ts';

/** Fuzzing tests nothing where all inputs fail the first check, or where none is refused. */
function mustReachBoth({ endings }: FuzzReport): void {
  const passed = (endings.get('accepted') ?? 0) + (endings.get('agreed') ?? 0);
  const total = [...endings.values()].reduce((sum, count) => sum + count, 0);
  const counts = [...endings].join(' ');
  assert.ok(passed > total / 50, counts);
  assert.ok(endings.size > 1 || endings.has('accepted'), counts);
}

/** Defines a test that feeds a target with the inputs of the suite. */
export function holdTarget(test: ReturnType<typeof suite>, target: Target): void {
  test(`${target.name}: ${target.rule}`, async () => {
    if (!haveTools(...(target.tools ?? []))) return;
    const iterations = ITERATIONS[target.name];
    assert.ok(iterations, `${target.name} has no number of iterations`);
    const options = { seed: SEED, iterations };
    const report = await (target.sandboxed === true ? fuzzInProcess : fuzzAndMinimise)(target, options);
    const { finding, smallest } = report;
    const replay = `npm run fuzz -- --target ${target.name} --seed ${SEED} --only ${finding?.iteration}`;
    const input = smallest?.map((part) => part.toString('base64')).join(' ');
    assert.is(finding, undefined, `${finding?.error}\n${replay}\nsmallest, base64: ${input?.slice(0, 4000)}`);
    assert.is(report.iterations, iterations);
    mustReachBoth(report);
  });
}
