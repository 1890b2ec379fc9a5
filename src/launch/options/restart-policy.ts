import { TsimgError } from '../../errors.ts';

/** docker's `--restart`: whether a container's command is started again when it ends. */
export interface RestartPolicy {
  readonly when: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Of `on-failure`: how often at most. */
  readonly times?: number | undefined;
}

/** `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:TIMES`. @throws USAGE */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === 'no' || text === 'always' || text === 'unless-stopped' || text === 'on-failure') return { when: text };
  const [, times] = /^on-failure:([0-9]{1,9})$/.exec(text) ?? [];
  if (times !== undefined) return { when: 'on-failure', times: Number(times) };
  throw new TsimgError('USAGE', 'not a restart policy', {
    where: text,
    hint: 'no, on-failure, on-failure:TIMES, always or unless-stopped',
  });
}

/** Whether a command that ended by itself is started again. `always` and `unless-stopped` differ only with a daemon. */
export function startsAgain({ when, times }: RestartPolicy, exitCode: number, restarts: number): boolean {
  if (when === 'no') return false;
  return when !== 'on-failure' || (exitCode !== 0 && (times === undefined || restarts < times));
}

/** Milliseconds; docker's. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** After running so long it counts as well: milliseconds. */
const LONG_ENOUGH = 10_000;

/**
 * Milliseconds until it is started again: twice as long each time, from the beginning after a life that was long
 * enough.
 */
export function restartPause(previous: number | undefined, lived: number): number {
  if (previous === undefined || lived >= LONG_ENOUGH) return FIRST_PAUSE;
  return Math.min(previous * 2, LONGEST_PAUSE);
}
