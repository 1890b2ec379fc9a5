import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

const CHUNK_BYTES = 256 * 1024;

async function* chunksOf(handle: FileHandle, start: number, length: number): AsyncGenerator<Buffer, void, undefined> {
  const end = start + length;
  for (let offset = start; offset < end; ) {
    const wanted = Math.min(CHUNK_BYTES, end - offset);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Reads `length` bytes of an open file from `start` on, fewer where the file ends before. Several can be read at a
 * time, and the file stays open: FileHandle.createReadStream leaves a listener behind with every use.
 */
export function readSection(handle: FileHandle, start: number, length: number, signal?: AbortSignal): Readable {
  return Readable.from(chunksOf(handle, start, length), { objectMode: false, ...(signal && { signal }) });
}
