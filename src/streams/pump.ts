import { pipeline as connect, type Duplex, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Feeds what comes out of a chain of streams to `write`, a chunk at a time. What `write` throws is what is thrown: pipeline
 * alone would tell of the streams that end in consequence (an AbortError) and lose the cause, such as a full disk.
 * @throws what the streams or `write` fail with; an AbortError on `signal`
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
    // An error on either side of a connection ends both, and surfaces in the last.
    const last = rest.reduce<Readable>((from, to) => connect(from, to, () => {}), source);
    await pipeline(last, consume, { signal });
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
}
