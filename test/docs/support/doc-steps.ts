import { type OwnWorldOptions, runInOwnWorld } from '../../support/host/own-world.ts';
import type { Block } from './page.ts';

// Commands that build on each other: the blocks of a page run in one shell, and each prints exactly the `text` block
// that follows.

export interface DocStep {
  /** Where its commands begin, from 1. */
  readonly line: number;
  /** The words behind `sh`: for which readers and machines it is. */
  readonly tags: readonly string[];
  readonly commands: string;
  /** `…` stands for anything within a line, a line of it alone for any lines. Undefined where the page shows none. */
  readonly output: string | undefined;
}

/** The `sh` blocks of a page, each with what it prints. */
export function docStepsOf(blocks: readonly Block[]): readonly DocStep[] {
  return blocks.flatMap(({ words: [language, ...tags], text, line }, index): readonly DocStep[] => {
    if (language !== 'sh') return [];
    const next = blocks[index + 1];
    const output = next?.words[0] === 'text' && next.follows ? next.text : undefined;
    return [{ line, tags, commands: text, output }];
  });
}

/** Before what each block prints; no program prints it itself. */
const MARK = '\u001e';

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Whether what was printed is what a page says. */
export function matchesDoc(printed: string, expected: string): boolean {
  const lines = expected
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line.trim() === '…' ? '(?:.*\n)*?' : `${line.split('…').map(literal).join('.*')}\n`));
  return new RegExp(`^${lines.join('')}$`).test(printed.replace(/\n?$/, '\n'));
}

/**
 * Runs steps in order, in one shell as a reader has it, and compares what they print.
 * @throws an Error that tells the line of the step where a command fails or prints something else
 */
export function runDocSteps(steps: readonly DocStep[], options: Omit<OwnWorldOptions, 'script'>): void {
  const script = steps.map(({ commands }) => `printf '\\036'\n${commands}`).join('');
  const { status, output } = runInOwnWorld({ ...options, script: `set -e\n${script}` });
  const [before = '', ...outputs] = output.split(MARK);
  if (outputs.length === 0) throw new Error(`the commands could not be begun: ${before}`);
  for (const [index, printed] of outputs.entries()) {
    const { line, output: expected } = steps[index] ?? { line: 0, output: undefined };
    if (status !== 0 && index === outputs.length - 1) {
      throw new Error(`line ${line}: ended with status ${status} and printed:\n${printed}`);
    }
    if (expected !== undefined && !matchesDoc(printed, expected)) {
      throw new Error(`line ${line} printed\n${printed}where the page says\n${expected}`);
    }
  }
}
