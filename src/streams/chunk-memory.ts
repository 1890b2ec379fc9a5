/** Bytes of a chunk: with Node's 16 or 64 KiB the trips between threads cost more than the work. */
export const CHUNK_BYTES = 1024 * 1024;

/** Chunks that are kept for the next who wants one: layers are read one after the other, some at a time. */
const MAX_FREE = 32;
const free: Buffer[] = [];

/** Memory for one chunk, that of an earlier one where some is free. What it holds is nobody's. */
export function takeChunk(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

/** Gives chunks back; nobody may look at them any more. */
export function giveChunks(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) if (free.length < MAX_FREE) free.push(chunk);
}
