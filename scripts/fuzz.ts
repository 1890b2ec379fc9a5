import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { TARGETS } from '../test/fuzz/all-targets.ts';
import { tryInput } from '../test/fuzz/fuzz-target.ts';
import { fuzzInProcess } from '../test/fuzz/in-process.ts';
import type { FullReport } from '../test/fuzz/report.ts';
import type { Input, Target } from '../test/fuzz/target.ts';
import { haveTools } from '../test/support/tools.ts';

// Feeds mutations of valid images, archives, documents and texts to all parts of tsimg that take bytes from outside.
// Usage: npm run fuzz -- [--target NAME]... [--seconds N] [--seed S] [--only ITERATION] [--list] [FILE...]
// FILEs are one input for one target, as a finding has them.

const ROOT = dirname(dirname(import.meta.dirname));
const FINDINGS = join(ROOT, 'fuzz-findings');
/** Seconds for each target without --seconds. */
const SECONDS = 30;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string', multiple: true },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    list: { type: 'boolean' },
  },
});

function numberOf(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${option}: not a number: ${text}`);
  return Number(text);
}

function chosen(): readonly Target[] {
  const names = values.target ?? TARGETS.map(({ name }) => name);
  return names.map((name) => {
    const target = TARGETS.find((each) => each.name === name);
    if (target === undefined) throw new Error(`no target ${name}: --list shows all`);
    return target;
  });
}

function writeInput(name: string, input: Input): readonly string[] {
  mkdirSync(FINDINGS, { recursive: true });
  return input.map((part, index) => {
    const path = join(FINDINGS, input.length > 1 ? `${name}.${index}` : name);
    writeFileSync(path, part);
    return relative(process.cwd(), path);
  });
}

function printReport(target: Target, { iterations, endings, finding, smallest }: FullReport): void {
  const counts = [...endings].sort(([, one], [, other]) => other - one).map(([ending, count]) => `${ending} ${count}`);
  console.log(`${finding === undefined ? 'ok  ' : 'FAIL'} ${target.name}: ${iterations} inputs (${counts.join(', ')})`);
  if (finding === undefined) return;
  const { seed, iteration, error, input } = finding;
  const name = `${target.name}-${seed}-${iteration}`;
  const whole = writeInput(name, input);
  const small = smallest === undefined ? whole : writeInput(`${name}-smallest`, smallest);
  console.log(error.replace(/^/gm, '     | '));
  console.log(`     ${whole.join(' ')}, smallest ${small.join(' ')}`);
  console.log(`     npm run fuzz -- --target ${target.name} --seed ${seed} --only ${iteration}`);
}

async function replay([target]: readonly Target[], files: readonly string[]): Promise<void> {
  if (target === undefined || values.target?.length !== 1) throw new Error('files are for one --target');
  if (target.sandboxed === true) throw new Error(`${target.name} is replayed by --seed and --only, in its sandbox`);
  const open = await target.open();
  const result = await tryInput(
    open,
    files.map((path) => readFileSync(path)),
    0,
    0,
  );
  await open.close?.();
  console.log('error' in result ? result.error : result.ending);
  if ('error' in result) process.exitCode = 1;
}

async function fuzz(targets: readonly Target[]): Promise<void> {
  const seed = numberOf(values.seed, 'seed') ?? Math.floor(Math.random() * 1e9);
  const only = numberOf(values.only, 'only');
  const milliseconds = 1000 * (numberOf(values.seconds, 'seconds') ?? SECONDS);
  console.log(`seed ${seed}`);
  for (const target of targets) {
    if (!haveTools(...(target.tools ?? []))) continue;
    const options = only === undefined ? { seed, milliseconds } : { seed, from: only, iterations: 1 };
    const report = await fuzzInProcess(target, options);
    printReport(target, report);
    if (report.finding !== undefined) process.exitCode = 1;
  }
}

if (values.list === true) for (const { name, rule } of TARGETS) console.log(`${name}: ${rule}`);
else if (positionals.length > 0) await replay(chosen(), positionals);
else await fuzz(chosen());
