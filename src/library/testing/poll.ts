import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, TsimgError } from '../../errors.ts';

/** How often a check asks. */
export interface PollOptions {
  /** Milliseconds between two attempts. Default 100. */
  readonly interval?: number | undefined;
}

/**
 * Asks until there is nothing left to wait for. An attempt that throws counts as one that has to wait.
 * @param what names what is waited for, in the error
 * @param attempt gets the signal that ends it; returns what is still missing, undefined when it is there, or an error
 * where waiting is vain
 * @throws that error; LAUNCH_FAILED with what was missing last, when `signal` is aborted
 */
export async function poll(
  what: string,
  attempt: (signal: AbortSignal) => Promise<string | TsimgError | undefined>,
  { signal, interval = 100 }: PollOptions & { readonly signal: AbortSignal },
): Promise<void> {
  let missing = 'the first answer had not come';
  while (!signal.aborted) {
    // An attempt that was given up says nothing about what it asked; the one before does.
    const given = missing;
    const failed = (error: unknown) => (signal.aborted ? given : messageOf(error));
    // A signal of its own: connections leave listeners behind for some time, and Node warns of eleven.
    const answer = await attempt(AbortSignal.any([signal])).catch(failed);
    if (answer === undefined) return;
    if (answer instanceof TsimgError) throw answer;
    missing = answer;
    // An abort ends the loop.
    await sleep(interval, undefined, { signal }).catch(() => undefined);
  }
  throw new TsimgError('LAUNCH_FAILED', `waited in vain for ${what}`, { why: missing, cause: signal.reason });
}
