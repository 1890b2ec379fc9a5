/** Actions that are done one after the other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when all that was asked for so far is done. Never rejects. */
  get last(): Promise<unknown> {
    return this.#last;
  }

  /**
   * Does an action when those before it are done.
   * @param signal its abort ends the wait; once the action has begun, the action itself must heed it
   * @throws the reason of `signal`; what the action throws
   */
  take<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = () => reject(signal?.reason);
      signal?.addEventListener('abort', leave, { once: true });
      this.#last = this.#last.then(async () => {
        signal?.removeEventListener('abort', leave);
        if (signal?.aborted) return;
        await action().then(resolve, reject);
      });
    });
  }
}
