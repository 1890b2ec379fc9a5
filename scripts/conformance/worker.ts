import { writeSync } from 'node:fs';
import { type ConformanceCase, formOf } from '../../fixtures/conformance/conformance-case.ts';
import { ALL_CASES } from '../../fixtures/conformance/corpus.ts';
import { SANDBOX } from '../../fixtures/conformance/outside.ts';
import { messageOf } from '../../src/errors.ts';
import { ADAPTERS, type Adapter } from './adapters.ts';
import { lockDown } from './lock-down.ts';
import { type CaseResult, runCase } from './run-case.ts';
import { makeSandbox, type Sandbox } from './sandbox.ts';

// A program in namespaces of its own (see in-sandbox.ts). It makes all mounts read-only, puts a file system in memory
// on /run, and runs one tool on the cases there. Usage: worker.js TOOL [CASE...]

/** A case that every working tool holds. If it fails, the tool does not work here, and its refusals mean nothing. */
const CONTROL = 'hard-link-same-layer';

async function judge(adapter: Adapter, each: ConformanceCase, sandbox: Sandbox): Promise<CaseResult> {
  try {
    return await runCase(adapter, each, sandbox);
  } catch (error) {
    return { id: each.id, held: false, outcome: 'refused', code: '', details: [`a fault: ${messageOf(error)}`] };
  } finally {
    adapter.release?.(sandbox);
    sandbox.renew();
  }
}

const [tool, ...ids] = process.argv.slice(2);
const adapter = ADAPTERS.find(({ name }) => name === tool);
if (adapter === undefined) throw new Error(`no tool ${tool}`);
process.umask(0o022);
lockDown();
const control = ALL_CASES.find(({ id }) => id === CONTROL);
if (control === undefined) throw new Error(`no case ${CONTROL}`);
const sandbox = makeSandbox(SANDBOX);
const { held, details } = await judge(adapter, control, sandbox);
if (!held) throw new Error(`${tool} cannot be run here: ${details.join('; ')}`);
for (const each of ALL_CASES) {
  if (ids.length > 0 && !ids.includes(each.id)) continue;
  if (!adapter.forms.includes(formOf(each.image))) continue;
  writeSync(1, `${JSON.stringify(await judge(adapter, each, sandbox))}\n`);
}
