import { MessageChannel, type MessagePort } from 'node:worker_threads';

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

/** A port that is closed: what is transferred to it is gone. */
let nowhere: MessagePort | undefined;

function openNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/**
 * Frees the memory of a chunk at once, where nothing but the chunk lies in it; nobody may look at it any more. V8 sees the small
 * objects only and lets some 64 MB of dead buffers lie about in each thread before it looks.
 */
export function freeChunk({ buffer, byteLength }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength || byteLength === 0) return;
  nowhere ??= openNowhere();
  nowhere.postMessage(undefined, [buffer]);
}

/** Chunks, each of which is freed when the second one after it is asked for. */
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
