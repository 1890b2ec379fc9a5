import { pipeline as connect, type Duplex, type Readable } from 'node:stream';

/** An abort as Node tells it, with the signal's reason. */
function abortError({ reason }: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/**
 * Passes the chunks at the end of a chain of streams to `write`, one at a time. An error of `write` is thrown itself,
 * and ends the streams.
 * @throws the errors of the streams and of `write`; an AbortError on `signal`
 */
export async function pump(
  chain: readonly [Readable, ...Duplex[]],
  write: (chunk: Buffer) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const [source, ...rest] = chain;
  // An error on either side of a connection ends both sides, and arrives at the last stream.
  const last = rest.reduce<Readable>((from, to) => connect(from, to, () => {}), source);
  const stop = () => last.destroy(signal && abortError(signal));
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of last) await write(chunk);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
