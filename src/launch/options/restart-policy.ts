import { TsimgError } from '../../errors.ts';

/** docker's `--restart`: whether a command that has ended is started again. */
export interface RestartPolicy {
  readonly when: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Of `on-failure`: the most restarts. */
  readonly times?: number | undefined;
}

/** Parses `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:TIMES`. @throws USAGE */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === 'no' || text === 'always' || text === 'unless-stopped' || text === 'on-failure') return { when: text };
  const [, times] = /^on-failure:([0-9]{1,9})$/.exec(text) ?? [];
  if (times !== undefined) return { when: 'on-failure', times: Number(times) };
  throw new TsimgError('USAGE', 'not a restart policy', {
    where: text,
    hint: 'no, on-failure, on-failure:TIMES, always or unless-stopped',
  });
}

/**
 * Returns whether a command that ended by itself is started again. `always` and `unless-stopped` differ only with a
 * daemon.
 */
export function startsAgain({ when, times }: RestartPolicy, exitCode: number, restarts: number): boolean {
  if (when === 'no') return false;
  return when !== 'on-failure' || (exitCode !== 0 && (times === undefined || restarts < times));
}

/** Milliseconds between two starts: docker's. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** Milliseconds: a life of this length resets the pause. */
const LONG_ENOUGH = 10_000;

/** Milliseconds until the next start: doubled each time, and reset after a long life. */
export function restartPause(previous: number | undefined, lived: number): number {
  if (previous === undefined || lived >= LONG_ENOUGH) return FIRST_PAUSE;
  return Math.min(previous * 2, LONGEST_PAUSE);
}
