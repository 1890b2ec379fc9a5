/**
 * Waits for something that `signal` ends. Node's functions reject with an error of their own then, which has the reason
 * as its cause; here it is the reason itself.
 */
export async function withReason<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Yields what a generator yields, as `withReason`. */
export async function* eachWithReason<T>(signal: AbortSignal | undefined, values: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* values;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
