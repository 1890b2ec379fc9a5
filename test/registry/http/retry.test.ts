import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import type { TsimgEvent } from '../../../src/events.ts';
import { countAttempts, isTransient, parseRetryAfter, retryDelay, retrying } from '../../../src/registry/http/retry.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('registry/http/retry');
const POLICY = { retries: 2, delay: 1 };

function failing(status: number, retryAfter?: number): TsimgError {
  const facts = { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  return new TsimgError('REGISTRY_ERROR', 'no', { why: `HTTP ${status}`, facts });
}

test('transient failures are retried: 408, 425, 429, 5xx, broken and slow connections', () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504]) assert.ok(isTransient(failing(status)), String(status));
  for (const errno of ['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN']) {
    assert.ok(isTransient(new TsimgError('REGISTRY_UNREACHABLE', 'no', { facts: { errno } })), errno);
  }
});

test('permanent failures are not retried', () => {
  for (const status of [400, 401, 403, 404, 416, 501]) assert.not(isTransient(failing(status)), String(status));
  for (const errno of ['ENOTFOUND', 'ECONNREFUSED', 'CERT_HAS_EXPIRED']) {
    assert.not(isTransient(new TsimgError('REGISTRY_UNREACHABLE', 'no', { facts: { errno } })), errno);
  }
  assert.not(isTransient(new TsimgError('DIGEST_MISMATCH', 'no')));
  assert.not(isTransient(new Error('a fault of ours')));
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('Mon, 01 Jan 2024 00:00:00 GMT');
  assert.is(parseRetryAfter('120', now), 120_000);
  assert.is(parseRetryAfter('Mon, 01 Jan 2024 00:00:30 GMT', now), 30_000);
  assert.is(parseRetryAfter('Sun, 31 Dec 2023 00:00:00 GMT', now), 0);
  assert.is(parseRetryAfter('soon', now), undefined);
  assert.is(parseRetryAfter('0', now), 0);
  assert.is(parseRetryAfter('9'.repeat(400), now), 366 * 24 * 3600 * 1000);
  for (const nonsense of ['-5', '1.5', '2030-01-01', '5 apples', '']) {
    assert.is(parseRetryAfter(nonsense, now), undefined, nonsense);
  }
  assert.is(parseRetryAfter(undefined, now), undefined);
});

test('waiting doubles up to a bound, and jitter takes at most half of it', () => {
  const policy = { retries: 9, delay: 500 };
  assert.equal(
    [1, 2, 3].map((attempt) => retryDelay(policy, attempt, 0)),
    [500, 1000, 2000],
  );
  assert.is(retryDelay(policy, 2, 1), 500);
  assert.is(retryDelay(policy, 30, 0), 15_000);
});

test('each repetition is an event, and the last failure is thrown', async () => {
  const events: TsimgEvent[] = [];
  let attempts = 0;
  const attempt = () => {
    attempts += 1;
    return Promise.reject(failing(500 + attempts * 2));
  };
  const error = await failureOf(
    retrying({ what: 'manifest', policy: POLICY, context: { onEvent: (event) => events.push(event) } }, attempt),
  );
  assert.is(attempts, 3);
  assert.is(error.facts.status, 506);
  assert.equal(events, [
    { kind: 'retry', what: 'manifest', why: 'HTTP 502', attempt: 1 },
    { kind: 'retry', what: 'manifest', why: 'HTTP 504', attempt: 2 },
  ]);
});

test('there are as many repetitions as the policy allows', async () => {
  for (const retries of [0, 1, 3]) {
    let attempts = 0;
    const attempt = () => {
      attempts += 1;
      return Promise.reject(failing(503));
    };
    await failureOf(retrying({ what: 'manifest', policy: { retries, delay: 1 }, context: {} }, attempt));
    assert.is(attempts, retries + 1);
  }
});

test('progress resets the count of attempts', async () => {
  const told: number[] = [];
  const onEvent = (event: TsimgEvent) => void (event.kind === 'retry' && told.push(event.attempt));
  const attempts = countAttempts({ what: 'blob', policy: POLICY, context: { onEvent } });
  await attempts.after(failing(503));
  await attempts.after(failing(503));
  attempts.progressed();
  await attempts.after(failing(503));
  await attempts.after(failing(503));
  await failureOf(attempts.after(failing(503)));
  assert.equal(told, [1, 2, 1, 2]);
});

test('a server that asks for a minute is waited for', async () => {
  const abort = new AbortController();
  let told = 0;
  const onEvent = () => {
    told += 1;
    abort.abort();
  };
  const attempts = countAttempts({ what: 'x', policy: POLICY, context: { signal: abort.signal, onEvent } });
  const error = await attempts.after(failing(429, 60_000)).catch((thrown: unknown) => thrown);
  assert.is(error instanceof Error && error.name, 'AbortError');
  assert.is(told, 1);
});

test('a server that asks for more than a minute is not waited for', async () => {
  let attempts = 0;
  const attempt = () => {
    attempts += 1;
    return Promise.reject(failing(429, 61_000));
  };
  await failureOf(retrying({ what: 'manifest', policy: POLICY, context: {} }, attempt), 'REGISTRY_ERROR');
  assert.is(attempts, 1);
});

test('an abort ends the waiting', async () => {
  const abort = new AbortController();
  const policy = { retries: 1, delay: 10_000 };
  const running = retrying({ what: 'x', policy, context: { signal: abort.signal, onEvent: () => abort.abort() } }, () =>
    Promise.reject(failing(503)),
  );
  const error = await running.catch((thrown: unknown) => thrown);
  assert.is(error instanceof Error && error.name, 'AbortError');
});

test('a server that asks for no wait is not asked more often than others', async () => {
  for (const retryAfter of [0, 1]) {
    const start = performance.now();
    const busy = () => Promise.reject(new TsimgError('REGISTRY_ERROR', 'busy', { facts: { status: 429, retryAfter } }));
    await failureOf(
      retrying({ what: 'manifest', policy: { retries: 2, delay: 100 }, context: {} }, busy),
      'REGISTRY_ERROR',
    );
    assert.ok(performance.now() - start >= 50 + 100 - 5);
  }
});

test.run();
