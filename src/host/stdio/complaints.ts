import type { Readable } from 'node:stream';

/** The most of a program's standard error that is kept: bytes. */
const MAX_BYTES = 16 * 1024;

/** Reads a program's standard error to its end and returns the first 16 KiB; the rest is dropped. */
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
