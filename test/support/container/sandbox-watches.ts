import { readFileSync, watch } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '../../../src/library/sandbox/sandbox.ts';
import { CALL_NUMBERS } from '../../../src/sys/stub/call-number.data.ts';
import { ANSWER_SIZE } from '../../../src/sys/stub/layout.ts';
import { makeStubProgram } from '../../../src/sys/stub/machine/program.ts';
import { request } from './stub-request.ts';

// Sandboxes that make as many inotify instances as they may. No program of busybox does that; a stub makes any call.

const MACHINE = process.arch === 'arm64' ? 'arm64' : 'x64';
const INOTIFY_INIT1 = { x64: 294, arm64: 26 }[MACHINE];
const F_GETFD = 1;
/** The bound of one sandbox. */
const EACH = 16;
const PATIENCE = 400;

/** How many sandboxes want more than half of what their maker may have. */
export function boxesToWatch(): { readonly count: number; readonly most: number } {
  const most = Number(readFileSync('/proc/sys/user/max_inotify_instances', 'latin1'));
  return { count: Math.floor(most / 2 / EACH) + 1, most };
}

/** Waits for the answer of a sandbox's stub, twenty seconds: how many calls it made after the first. */
async function answerOf(box: Sandbox): Promise<number> {
  for (let tries = 0; tries < PATIENCE; tries += 1) {
    const answer = await box.readFile('answer').catch(() => Buffer.alloc(0));
    if (answer.length >= ANSWER_SIZE) return Number(answer.readBigUInt64LE(8)) - 1;
    await sleep(50);
  }
  throw new Error('no answer');
}

/** Has all sandboxes watch at once, and this process too; returns how many instances each one got. */
export async function watchInAll(boxes: readonly Sandbox[]): Promise<readonly number[]> {
  // The first call returns 0: answers go to the standard output from there on.
  const calls = [[CALL_NUMBERS[MACHINE].fcntl, 1, F_GETFD] as const];
  const bytes = request([...calls, ...Array.from({ length: EACH + 4 }, () => [INOTIFY_INIT1, 0] as const)]);
  const inputs = boxes.map(() => new PassThrough());
  for (const box of boxes) await box.writeFile('stub', makeStubProgram(MACHINE), 0o755);
  // Each keeps what it has until its input ends.
  const runs = boxes.map((box, index) => box.run(['sh', '-c', 'exec ./stub 3<&0 >answer'], { stdin: inputs[index] }));
  for (const input of inputs) input.write(bytes);
  const granted: number[] = [];
  for (const box of boxes) granted.push(await answerOf(box));
  watch('/tmp').close();
  for (const input of inputs) input.end();
  await Promise.all(runs);
  return granted;
}
