import { type Finding, type FuzzOptions, type FuzzReport, fuzzTarget } from './fuzz-target.ts';
import { minimise } from './mutate/minimise.ts';
import type { Input, Target } from './target.ts';

/** A report, and the smallest input with the same fault. */
export interface FullReport extends FuzzReport {
  readonly smallest: Input | undefined;
}

export async function fuzzAndMinimise(target: Target, options: FuzzOptions): Promise<FullReport> {
  const report = await fuzzTarget(target, options);
  const { finding } = report;
  return { ...report, smallest: finding === undefined ? undefined : await minimise(target, finding) };
}

const toBase64 = (input: Input | undefined) => input?.map((part) => part.toString('base64'));
const fromBase64 = (input: readonly string[]) => input.map((part) => Buffer.from(part, 'base64'));

/** Formats a report for the pipe from the process that fuzzes a target. */
export function encodeReport({ iterations, endings, finding, smallest }: FullReport): string {
  return JSON.stringify({
    iterations,
    endings: [...endings],
    finding: finding && { ...finding, input: toBase64(finding.input) },
    smallest: toBase64(smallest),
  });
}

interface Encoded {
  readonly iterations: number;
  readonly endings: readonly (readonly [string, number])[];
  readonly finding?: Omit<Finding, 'input'> & { readonly input: readonly string[] };
  readonly smallest?: readonly string[];
}

export function decodeReport(text: string): FullReport {
  const { iterations, endings, finding, smallest }: Encoded = JSON.parse(text);
  return {
    iterations,
    endings: new Map(endings),
    finding: finding && { ...finding, input: fromBase64(finding.input) },
    smallest: smallest && fromBase64(smallest),
  };
}
