import type { Readable } from 'node:stream';
import { streamOf } from './stream-of.ts';

/** Passes a stream on. Calls `count` with the size of each chunk before the chunk; its error fails the result. */
export function counted(stream: Readable, count: (bytes: number) => void): Readable {
  return streamOf(stream, countChunks(stream, count));
}

async function* countChunks(stream: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stream) {
    count(chunk.length);
    yield chunk;
  }
}
