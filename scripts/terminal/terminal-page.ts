import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findTool } from '../../test/support/tools.ts';
import { RECORDING_NEEDS, recordTerminal, SESSION } from './record-terminal.ts';
import { renderTerminal, type TerminalStep } from './render-terminal.ts';

// docs/terminal.svg: drawn from fixtures/terminal.json, the last recording. Drawing takes no time and needs no rights,
// so that `--check` can do it anywhere; test/docs/terminal.test.ts records the session again and compares.

const ROOT = dirname(dirname(dirname(import.meta.dirname)));
const TITLE = 'tsimg: from an image to a running command, as an ordinary user';
export const PICTURE = join(ROOT, 'docs', 'terminal.svg');
export const RECORDING = join(ROOT, 'fixtures', 'terminal.json');

/** The steps that were recorded last. @throws an Error where the file is no recording */
export function readRecording(): readonly TerminalStep[] {
  const steps: unknown = JSON.parse(readFileSync(RECORDING, 'utf8'));
  if (!Array.isArray(steps)) throw new Error(`${RECORDING} is no recording; run as root: npm run docs`);
  return steps.map((step: Partial<TerminalStep> | null) => {
    if (typeof step?.command !== 'string' || typeof step.output !== 'string') {
      throw new Error(`${RECORDING} has a step without command or output; run as root: npm run docs`);
    }
    return { command: step.command, output: step.output };
  });
}

/**
 * Returns the picture of the last recording. @throws an Error where its commands are not those of the session
 */
export function drawTerminal(): string {
  const steps = readRecording();
  if (steps.map((step) => step.command).join('\n') !== SESSION.join('\n')) {
    throw new Error('fixtures/terminal.json has other commands than scripts/terminal/; run as root: npm run docs');
  }
  return renderTerminal(TITLE, steps);
}

/** Records the session where that is possible. @returns why it was not, if so */
export function recordAgain(): string | undefined {
  const missing = [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...RECORDING_NEEDS.filter((name) => findTool(name) === undefined),
  ];
  if (missing.length > 0) return `the terminal is not recorded again: that needs ${missing.join(', ')}`;
  const image = join(ROOT, 'fixtures', 'images', 'busybox-amd64.tar.gz');
  const steps = recordTerminal(join(ROOT, 'dist', 'src', 'tsimg.cjs'), image);
  writeFileSync(RECORDING, `${JSON.stringify(steps, null, 2)}\n`);
  return undefined;
}
