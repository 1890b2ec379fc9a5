import { pipeline as connect, type Duplex, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Passes the chunks at the end of a chain of streams to `write`, one at a time. An error of `write` is thrown itself:
 * pipeline alone would throw the AbortError of the streams that end because of it, and lose the cause, such as a full
 * disk.
 * @throws the errors of the streams and of `write`; an AbortError on `signal`
 */
export async function pump(
  chain: readonly [Readable, ...Duplex[]],
  write: (chunk: Buffer) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const consume = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      try {
        await write(chunk);
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
  };
  try {
    const [source, ...rest] = chain;
    // An error on either side of a connection ends both sides, and arrives at the last stream.
    const last = rest.reduce<Readable>((from, to) => connect(from, to, () => {}), source);
    await pipeline(last, consume, { signal });
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
}
