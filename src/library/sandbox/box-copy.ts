import { posix } from 'node:path';
import { TsimgError } from '../../errors.ts';
import type { Holder } from '../../host/box/holder.ts';
import { copyScratch, type ScratchBounds } from '../../host/box/scratch.ts';
import { afterTime } from '../options/check-number.ts';
import { text } from '../options/check-options.ts';
import { SANDBOX_HOME, SCRATCH_TARGETS } from './sandbox-request.ts';

/** The files that are copied, and the bounds of that. */
export interface BoxCopy {
  readonly from: string;
  /** An empty directory. */
  readonly to: string;
  /** Milliseconds. */
  readonly time: number;
  readonly signals: readonly AbortSignal[];
}

/**
 * Copies the kept files of a sandbox within a time: a run can leave many. A failure leaves nothing.
 * @throws LIMIT_EXCEEDED, LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL; the reason of a signal
 */
export async function copyWithin(
  holder: Holder,
  { from, to, time, signals }: BoxCopy,
  bounds: ScratchBounds,
): Promise<void> {
  const over = new AbortController();
  const endTimer = afterTime(time, () => {
    const hint = 'remove files by a run, or give the call a longer `time`';
    const why = `it takes more than ${time} ms`;
    const facts = { limit: time };
    over.abort(
      new TsimgError('LIMIT_EXCEEDED', 'the files of a sandbox cannot be copied in time', { why, hint, facts }),
    );
  });
  try {
    await copyScratch(holder, { from, to, signal: AbortSignal.any([over.signal, ...signals]) }, bounds);
  } finally {
    endTimer();
  }
}

/** Returns the path of a kept file in its scratch. @param path relative ones are in /sandbox @throws USAGE */
export function keptPath(path: string): string {
  text('path', path);
  const whole = posix.resolve(SANDBOX_HOME, path);
  const isKept = SCRATCH_TARGETS.some((target) => whole === target || whole.startsWith(`${target}/`));
  if (isKept && !path.includes('\0')) return whole.slice(1);
  const hint = `name a path below ${SCRATCH_TARGETS.join(' or ')}`;
  throw new TsimgError('USAGE', 'not a place for files of a sandbox', { where: path, hint });
}
