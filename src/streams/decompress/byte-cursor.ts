/**
 * Bytes of chunks, read forward, with a look ahead and a step back. It keeps nothing of a chunk when the second one after
 * it is asked for: the source may use the memory again.
 */
export interface ByteCursor {
  /** At least `count` bytes from here, without taking them; fewer only at the end. More where more is at hand. */
  peek(count: number): Promise<Buffer>;
  /** Takes bytes that were peeked. */
  consume(count: number): void;
  /** Takes what is at hand, else the next chunk; undefined at the end. Never empty. */
  take(): Promise<Buffer | undefined>;
  /** Gives back bytes that were taken, to be read next. */
  putBack(bytes: Buffer): void;
}

const EMPTY = Buffer.alloc(0);

export function createByteCursor(chunks: AsyncIterable<Uint8Array>): ByteCursor {
  const source = chunks[Symbol.asyncIterator]();
  let held: Buffer = EMPTY;
  let ended = false;

  async function next(): Promise<Buffer | undefined> {
    while (!ended) {
      const { done, value } = await source.next();
      if (done === true) ended = true;
      else if (value.length > 0) return Buffer.from(value.buffer, value.byteOffset, value.length);
    }
    return undefined;
  }

  return {
    async peek(count) {
      if (held.length >= count) return held;
      const pieces = [held];
      let length = held.length;
      while (length < count) {
        // Only the last chunk stays as it is while a further one is asked for
        const older = pieces.length - 2;
        const piece = pieces[older];
        if (piece !== undefined) pieces[older] = Buffer.from(piece);
        const chunk = await next();
        if (chunk === undefined) break;
        pieces.push(chunk);
        length += chunk.length;
      }
      held = pieces.length === 1 ? held : Buffer.concat(pieces, length);
      return held;
    },
    consume(count) {
      held = held.subarray(count);
    },
    async take() {
      if (held.length === 0) return await next();
      const bytes = held;
      held = EMPTY;
      return bytes;
    },
    putBack(bytes) {
      held = held.length === 0 ? bytes : Buffer.concat([bytes, held]);
    },
  };
}
