import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { endingOf, fault } from './ending.ts';
import { fuzzTarget, inputOf } from './fuzz-target.ts';
import { minimise } from './mutate/minimise.ts';
import { mutateSome } from './mutate/mutate-bytes.ts';
import { mutateTar } from './mutate/mutate-tar.ts';
import { createRandom } from './mutate/random.ts';
import { decodeReport, encodeReport, fuzzAndMinimise } from './report.ts';
import { tarSeeds } from './seeds.ts';
import { bytesTarget } from './target.ts';

const test = suite('fuzz/fuzz-target');

/** A target that breaks its rule at the letter Q. */
const weak = bytesTarget({
  name: 'weak',
  rule: 'there is no Q',
  seeds: () => [Buffer.from('a text of some length that grows'.repeat(40)), Buffer.from('PRRRSP')],
  mutate: mutateSome,
  run(input) {
    if (input.includes('Q')) throw fault(`a Q among ${input.length} bytes`);
    return 'accepted';
  },
});

test('a broken rule is found, and found again by its seed and iteration alone', async () => {
  const { finding, iterations } = await fuzzTarget(weak, { seed: 1, iterations: 100_000 });
  assert.ok(finding);
  assert.match(finding.error, 'a Q among');
  assert.is(iterations, finding.iteration + 1);
  const again = await fuzzTarget(weak, { seed: 1, from: finding.iteration, iterations: 1 });
  assert.equal(again.finding?.input, finding.input);
  assert.ok(inputOf(weak, weak.seeds(), 1, finding.iteration)[0]?.equals(finding.input[0] ?? Buffer.alloc(0)));
});

test('a finding is made as small as it can be with the same fault', async () => {
  const { finding } = await fuzzTarget(weak, { seed: 1, iterations: 100_000 });
  assert.ok(finding);
  assert.equal(await minimise(weak, finding), [Buffer.from('Q')]);
  const padding = [Buffer.from('x'), Buffer.from('yQ'), Buffer.from('z')];
  const parts = {
    ...weak,
    open: () => ({
      run: (input: readonly Buffer[]) => {
        if (Buffer.concat(input).includes('Q')) throw fault('a Q');
        return 'accepted';
      },
    }),
  };
  assert.equal(await minimise(parts, { ...finding, input: padding, error: 'Error: a Q' }), [Buffer.from('Q')]);
});

test('an error of another kind than TsimgError is a fault', () => {
  assert.throws(() => endingOf(() => JSON.parse('{')), SyntaxError);
});

test('a report is unchanged after its way through a pipe', async () => {
  const report = await fuzzAndMinimise(weak, { seed: 1, iterations: 100_000 });
  assert.equal(decodeReport(encodeReport(report)), report);
  const quiet = await fuzzAndMinimise(weak, { seed: 1, iterations: 1 });
  assert.equal(decodeReport(encodeReport(quiet)), quiet);
});

test('mutations are the same for the same seed, and mostly different for another seed', () => {
  const [seed = Buffer.alloc(0), other = Buffer.alloc(0)] = tarSeeds();
  const mutations = (from: number) => {
    const random = createRandom(from);
    return Array.from({ length: 50 }, () => mutateTar(seed, other, random).toString('hex'));
  };
  assert.equal(mutations(7), mutations(7));
  assert.ok(new Set([...mutations(7), ...mutations(8)]).size > 60);
});

test('an iteration that does not end is reported, and ends the process', () => {
  const watchdog = join(import.meta.dirname, 'watchdog.js');
  const program = `
    const { startWatchdog } = await import(${JSON.stringify(watchdog)});
    startWatchdog('endless', 5, 1).onIteration(42);
    for (;;);`;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.is(signal, 'SIGKILL');
  assert.match(stderr, 'hangs: endless --seed 5 --only 42');
});

test.run();
