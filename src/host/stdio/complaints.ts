import type { Readable } from 'node:stream';

/** The most of a program's complaints that is kept: bytes. */
const MAX_BYTES = 16 * 1024;

/**
 * What a program writes to its standard error until it closes it, the first 16 KiB of it; the rest is read and dropped.
 */
export async function collectComplaints(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const rest = MAX_BYTES - size;
    if (Buffer.isBuffer(chunk) && rest > 0) {
      chunks.push(chunk.subarray(0, rest));
      size += Math.min(chunk.length, rest);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}
