import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ALL_CASES, CORPUS } from '../fixtures/conformance/corpus.ts';
import { writeCorpus } from '../fixtures/conformance/document.ts';
import { version } from '../src/version.ts';
import { ADAPTERS, type Adapter, isInstalled } from './conformance/adapters.ts';
import { runInSandbox } from './conformance/in-sandbox.ts';
import { conformancePage, countsTable, type ToolRun } from './conformance/page.ts';
import type { CaseResult } from './conformance/run-case.ts';

// Runs the corpus of fixtures/conformance against tsimg and other tools that are installed, and prints how many cases
// of each group a tool holds. Usage: npm run conformance -- [--tool NAME]... [--case ID]... [--json] [--docs] [--write
// DIR]

const PAGE = join(dirname(dirname(import.meta.dirname)), 'docs', 'conformance.md');

const { values } = parseArgs({
  options: {
    tool: { type: 'string', multiple: true },
    case: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    docs: { type: 'boolean' },
    write: { type: 'string' },
  },
});

function versionOf({ programs: [program], hasCodes }: Adapter): string {
  if (program === undefined || hasCodes === true) return version;
  const text = execFileSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+\.\d+(?:\.\d+)*/.exec(text)?.[0] ?? '';
}

/**
 * Prints a case of tsimg in full. Other tools get counts only, because a failed case may be a security hole of theirs.
 */
function printCase({ id, held, outcome, code, details }: CaseResult): void {
  console.log(`${held ? 'held' : 'NOT HELD'} ${id}: ${[outcome, code].filter(Boolean).join(' ')}`);
  for (const line of details) console.log(`    ${JSON.stringify(line).slice(1, -1)}`);
}

async function runTools(): Promise<readonly ToolRun[]> {
  const wanted =
    values.case === undefined ? (values.tool ?? ADAPTERS.map(({ name }) => name)) : ['tsimg', 'tsimg --layers'];
  const runs: ToolRun[] = [];
  for (const adapter of ADAPTERS.filter(({ name }) => wanted.includes(name))) {
    if (!isInstalled(adapter)) {
      console.error(`${adapter.name}: not installed`);
      continue;
    }
    const shown = `${adapter.name} ${versionOf(adapter)}`;
    console.error(`${shown} …`);
    const results = await runInSandbox(adapter.name, values.case);
    runs.push({ name: adapter.name, version: versionOf(adapter), note: adapter.note, results });
  }
  return runs;
}

const unknown = [
  ...(values.tool ?? []).filter((name) => !ADAPTERS.some((adapter) => adapter.name === name)),
  ...(values.case ?? []).filter((id) => !ALL_CASES.some((each) => each.id === id)),
];
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(', ')}; tools are ${ADAPTERS.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else if (values.write !== undefined) {
  writeCorpus(CORPUS, values.write);
  console.log(`${values.write}: ${ALL_CASES.length} cases`);
} else if (process.getuid?.() !== 0) {
  console.error('needs root: peers run where nothing but a sandbox can be written');
  process.exitCode = 1;
} else {
  const runs = await runTools();
  const own = runs.filter(({ name }) => ADAPTERS.some((each) => each.name === name && each.hasCodes === true));
  if (values.json) console.log(JSON.stringify(countsTable(CORPUS, runs), null, 1));
  else if (values.case === undefined) console.log(conformancePage(CORPUS, runs).split('\n## Cases')[0]);
  const ownResults = own.flatMap(({ results }) => results);
  if (!values.json) for (const result of ownResults) if (values.case || !result.held) printCase(result);
  if (values.docs) {
    writeFileSync(PAGE, conformancePage(CORPUS, runs));
    console.error(`${PAGE}: ${readFileSync(PAGE, 'utf8').split('\n').length} lines`);
  }
  if (ownResults.some(({ held }) => !held)) process.exitCode = 1;
}
