/**
 * Waits for the end of work that several callers share. An abort ends the wait of its caller; the work goes on, for
 * the others.
 * @throws the signal's reason; what the work throws
 */
export async function waitFor<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  // Where no caller waits any more, nobody is there to handle a failure, and Node would end the process.
  shared.catch(() => undefined);
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([shared, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
