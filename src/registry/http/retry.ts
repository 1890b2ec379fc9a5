import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';

/** How often a request is repeated that fails for a passing reason. */
export interface RetryPolicy {
  readonly retries: number;
  /** Milliseconds. */
  readonly delay: number;
}

/** A policy with what is known of the asked host. */
export interface SessionRetry extends RetryPolicy {
  /** Returns whether an error that is permanent elsewhere may pass at this host. */
  readonly isTransientHere?: ((error: TsimgError) => boolean) | undefined;
}

export const DEFAULT_RETRY: RetryPolicy = { retries: 4, delay: 500 };

/** Milliseconds: our longest wait between two attempts, and the longest that a server may ask for. */
const MAX_DELAY = 15_000;
const MAX_RETRY_AFTER = 60_000;

const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const TRANSIENT_ERRNO = new Set(['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EPIPE']);

/** Seconds, a year: a longer time makes no difference. */
const LONGEST_RETRY_AFTER = 366 * 24 * 3600;

/** Returns whether a request with this status should be repeated. 501 and 505 are permanent. */
export function isTransientStatus(status: number): boolean {
  return TRANSIENT_STATUS.has(status);
}

/** Returns whether a request that failed with this error should be repeated, by `facts.status` or `facts.errno`. */
export function isTransient(error: unknown): error is TsimgError {
  if (!(error instanceof TsimgError)) return false;
  const { status } = error.facts;
  return (typeof status === 'number' && isTransientStatus(status)) || TRANSIENT_ERRNO.has(errnoOf(error) ?? '');
}

/**
 * Parses `Retry-After` (RFC 9110, section 10.2.3), seconds or a date, to milliseconds from `now`; undefined for any
 * other text.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Math.min(Number(header), LONGEST_RETRY_AFTER) * 1000;
  // Date.parse accepts `-5` and much else as a date.
  const date = /^\s*[A-Z][a-z]+,? .*\d{2}:\d{2}:\d{2}/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Milliseconds to wait before repetition `attempt` (1, 2, …): exponential, of which `random` (0…1) removes up to a
 * half.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.min(MAX_DELAY, policy.delay * 2 ** (attempt - 1)) * (1 - random / 2);
}

/** The request that is repeated. */
export interface Retried {
  /** The name of the content in the 'retry' event: `manifest of alpine:3.9`. */
  readonly what: string;
  readonly policy: SessionRetry;
  readonly context: Context;
}

/** Counts the attempts at one request. */
export interface Attempts {
  /**
   * Waits for the next attempt; throws the error when it is permanent, after too many attempts, or when the server asks
   * for a longer wait than ours. @param again tells whether an error that is permanent elsewhere is worth a repetition
   */
  after(error: unknown, again?: (error: TsimgError) => boolean): Promise<void>;
  /** Content has arrived: the count starts anew. */
  progressed(): void;
}

export function countAttempts({ what, policy, context }: Retried): Attempts {
  const { signal, onEvent } = context;
  let attempt = 0;
  return {
    progressed: () => {
      attempt = 0;
    },
    after: async (error, again = () => false) => {
      signal?.throwIfAborted();
      if (!(error instanceof TsimgError) || attempt >= policy.retries) throw error;
      if (!isTransient(error) && !again(error) && policy.isTransientHere?.(error) !== true) throw error;
      attempt += 1;
      const asked = error.facts.retryAfter;
      if (typeof asked === 'number' && asked > MAX_RETRY_AFTER) throw error;
      // A server that asks for no wait (0, or a past date) gets our own.
      const delay = Math.max(typeof asked === 'number' ? asked : 0, retryDelay(policy, attempt, Math.random()));
      onEvent?.({ kind: 'retry', what, why: error.why ?? error.what, attempt });
      await sleep(delay, undefined, { signal });
    },
  };
}

/** Repeats an attempt while it fails for a transient reason. Each repetition is reported as a 'retry' event. */
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
