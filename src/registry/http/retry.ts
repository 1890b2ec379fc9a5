import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';

export interface RetryPolicy {
  /** How often an attempt is repeated; 0 is never. */
  readonly retries: number;
  /** Milliseconds before the first repetition; it doubles each time. */
  readonly delay: number;
}

export const DEFAULT_RETRY: RetryPolicy = { retries: 4, delay: 500 };

/** The longest wait between two attempts of ours, and the longest that a server may ask for: milliseconds. */
const MAX_DELAY = 15_000;
const MAX_RETRY_AFTER = 60_000;

const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const TRANSIENT_ERRNO = new Set(['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EPIPE']);

/** What is more says no more: seconds, a year. */
const LONGEST_RETRY_AFTER = 366 * 24 * 3600;

/** Whether a status is worth asking again for. 501 and 505 are not: they say what the server never does. */
export function isTransientStatus(status: number): boolean {
  return TRANSIENT_STATUS.has(status);
}

/** Whether an error of this room is worth another attempt: by its `facts.status` or `facts.errno`. */
export function isTransient(error: unknown): error is TsimgError {
  if (!(error instanceof TsimgError)) return false;
  const { status } = error.facts;
  return (typeof status === 'number' && isTransientStatus(status)) || TRANSIENT_ERRNO.has(errnoOf(error) ?? '');
}

/**
 * `Retry-After` (RFC 9110, section 10.2.3), seconds or a date → milliseconds from `now`; undefined when it says
 * nothing.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Math.min(Number(header), LONGEST_RETRY_AFTER) * 1000;
  // Date.parse takes `-5` and much else for a date
  const date = /^\s*[A-Z][a-z]+,? .*\d{2}:\d{2}:\d{2}/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Milliseconds to wait before repetition `attempt` (1, 2, …): exponential, `random` (0…1) taking up to half of it away.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.min(MAX_DELAY, policy.delay * 2 ** (attempt - 1)) * (1 - random / 2);
}

/** The request that is repeated. */
export interface Retried {
  /** For the 'retry' event: `manifest of alpine:3.9`. */
  readonly what: string;
  readonly policy: RetryPolicy;
  readonly context: Context;
}

/** The attempts at one thing, counted. */
export interface Attempts {
  /**
   * Waits for the next attempt, or throws the error: not transient, too many, or the server asks for more patience than
   * ours.
   */
  after(error: unknown): Promise<void>;
  /** Something was got: the count starts anew. */
  progressed(): void;
}

export function countAttempts({ what, policy, context }: Retried): Attempts {
  const { signal, onEvent } = context;
  let attempt = 0;
  return {
    progressed: () => {
      attempt = 0;
    },
    after: async (error) => {
      signal?.throwIfAborted();
      if (!isTransient(error) || attempt >= policy.retries) throw error;
      attempt += 1;
      const asked = error.facts.retryAfter;
      if (typeof asked === 'number' && asked > MAX_RETRY_AFTER) throw error;
      // A server that says "at once" (0, or a date that is past) gets the time that we would give it
      const delay = Math.max(typeof asked === 'number' ? asked : 0, retryDelay(policy, attempt, Math.random()));
      onEvent?.({ kind: 'retry', what, why: error.why ?? error.what, attempt });
      await sleep(delay, undefined, { signal });
    },
  };
}

/**
 * The result of the first attempt that does not fail for a passing reason. Each repetition is told as a 'retry' event.
 */
export async function retrying<T>(retried: Retried, attempt: () => Promise<T>): Promise<T> {
  const attempts = countAttempts(retried);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await attempts.after(error);
    }
  }
}
