import { type ByteLimit, tooManyBytes } from './limited.ts';

/**
 * All bytes of a stream, which must be few: a document. Nothing is verified but that they are at most `limit` bytes.
 * The stream is closed when there are more. @throws LIMIT_EXCEEDED, and what the stream throws
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
