import { Readable } from 'node:stream';

/** Reads the first bytes of a stream, fewer where it is shorter. Returns them, and a stream with all bytes. */
export async function peeked(
  stream: Readable,
  bytes: number,
): Promise<{ readonly head: Buffer; readonly whole: Readable }> {
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  const begun: Buffer[] = [];
  for (let length = 0; length < bytes; ) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    begun.push(value);
    length += value.length;
  }
  const rest = async function* () {
    yield* begun;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  return { head: Buffer.concat(begun), whole: Readable.from(rest(), { objectMode: false }) };
}
