import { type ByteLimit, tooManyBytes } from './limited.ts';

/**
 * Returns all bytes of a stream: a document, with at most `limit` bytes. A stream with more is closed. Nothing else is
 * verified.
 * @throws LIMIT_EXCEEDED, and the errors of the stream
 */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  limit: number | ByteLimit,
  where: string,
): Promise<Buffer> {
  const bound: ByteLimit = typeof limit === 'number' ? { bytes: limit } : limit;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > bound.bytes) throw tooManyBytes(bound, where);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
