import type { MessagePort } from 'node:worker_threads';

/** Bytes of a chunk. With the 16 or 64 KiB of Node, the trips between threads cost more than the work. */
export const CHUNK_BYTES = 1024 * 1024;

/** Free chunks that are kept for the next layers. */
const MAX_FREE = 32;
const free: Buffer[] = [];

/** Returns memory for one chunk, a free one where there is any. Its content is undefined. */
export function takeChunk(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

/** Gives chunks back. The caller must not use them any more. */
export function giveChunks(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) if (free.length < MAX_FREE) free.push(chunk);
}

/** A closed port: buffers that are transferred to it are freed. */
let nowhere: MessagePort | undefined;

function openNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/**
 * Frees the memory of a chunk at once, unless the memory has other content too. The caller must not use the chunk any
 * more. V8 counts only the small objects of buffers, and would keep some 64 MB of dead buffers in each thread.
 */
export function freeChunk({ buffer, byteLength }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength || byteLength === 0) return;
  nowhere ??= openNowhere();
  nowhere.postMessage(undefined, [buffer]);
}

/** Yields chunks, and frees each when the second one after it is asked for. */
export async function* freeingChunks<Chunk extends Uint8Array>(
  chunks: AsyncIterable<Chunk>,
): AsyncGenerator<Chunk, void, undefined> {
  let last: Chunk | undefined;
  for await (const chunk of chunks) {
    yield chunk;
    if (last !== undefined) freeChunk(last);
    last = chunk;
  }
}
