/**
 * Reads the bytes of chunks forward; it can look ahead and give bytes back. It does not use a chunk any more when the
 * second one after it is asked for, so that the source can use the memory again.
 */
export interface ByteCursor {
  /** Returns at least `count` bytes without taking them, fewer only at the end, and more where more are in memory. */
  peek(count: number): Promise<Buffer>;
  /** Takes peeked bytes. */
  consume(count: number): void;
  /** Takes the bytes in memory, or else the next chunk; undefined at the end. Never empty. */
  take(): Promise<Buffer | undefined>;
  /** Gives bytes back, to be read next. */
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
        // Only the last chunk keeps its memory while the next one is asked for
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
