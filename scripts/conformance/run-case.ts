import type { ConformanceCase } from '../../fixtures/conformance/conformance-case.ts';
import { writeImage } from '../../fixtures/conformance/document.ts';
import { type Strictness, treeDifferences } from '../../fixtures/conformance/judge.ts';
import { snapshot } from '../../test/support/image/tree-snapshot.ts';
import type { Adapter, Outcome } from './adapters.ts';
import type { Sandbox } from './sandbox.ts';

export interface CaseResult {
  readonly id: string;
  readonly held: boolean;
  readonly outcome: Outcome['kind'];
  /** tsimg's error code. */
  readonly code: string;
  /** The reason why the case is not held, or the message of the error. */
  readonly details: readonly string[];
}

/** Returns why an outcome is not an expected one, a line for each; empty for an expected outcome. */
function outcomeDifferences(
  outcome: Outcome,
  { expect }: ConformanceCase,
  strictness: Strictness,
  byCode: boolean,
): readonly string[] {
  if (outcome.kind === 'timeout') return ['it did not end'];
  if (outcome.kind === 'refused') {
    // The tool can write all that it needs, so it tried to write something else.
    if (/read-only file system/i.test(outcome.message)) return [`it was stopped: ${outcome.message}`];
    const refusals = expect.filter((each) => each.kind === 'refused');
    if (refusals.length === 0) return [`it was refused: ${outcome.message}`];
    const codes: readonly string[] = refusals.flatMap((each) => each.codes);
    if (!byCode || codes.length === 0 || codes.includes(outcome.code)) return [];
    return [`it was refused as ${outcome.code}, not ${codes.join(' or ')}: ${outcome.message}`];
  }
  const trees = expect.filter((each) => each.kind === 'tree');
  if (trees.length === 0) return ['it was not refused'];
  const found = snapshot(outcome.path);
  const attempts = trees.map(({ entries }) => treeDifferences(found, entries, strictness));
  return attempts.toSorted((one, other) => one.length - other.length)[0] ?? [];
}

/** Runs a tool on a case in a new sandbox, and judges the outcome. */
export async function runCase(
  adapter: Adapter,
  each: ConformanceCase,
  sandbox: Sandbox,
  strictness: Strictness = adapter.strictness ?? 'all',
): Promise<CaseResult> {
  const image = writeImage(each.image, sandbox.input);
  const changesOf = sandbox.watch();
  const outcome = await adapter.unpack(image, sandbox);
  const changes = changesOf().map((line) => `outside of the root: ${line}`);
  const details = [...changes, ...outcomeDifferences(outcome, each, strictness, adapter.hasCodes === true)];
  return {
    id: each.id,
    held: details.length === 0,
    outcome: outcome.kind,
    code: outcome.kind === 'refused' ? outcome.code : '',
    details: details.length > 0 || outcome.kind !== 'refused' ? details : [outcome.message],
  };
}
