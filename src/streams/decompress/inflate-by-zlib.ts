import { createInflateRaw } from 'node:zlib';
import { isError, messageOf } from '../../errors.ts';
import { giveChunks, takeChunk } from '../chunk-memory.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { compressionInvalid } from './compression.ts';
import { crc32 } from './crc32.ts';
import type { StreamSizes } from './decode-by-host.ts';
import { truncated } from './gzip-member.ts';

/** The sizes and the checksum of a deflate stream, known at its end. */
export interface Inflation extends StreamSizes {
  /** CRC-32 of its content. */
  crc: number;
}

/** Bytes of a chunk of content. With the 16 KiB of Node, the trips through its thread pool cost more than the work. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Yields the content of one deflate stream. Bytes behind its end are given back to the input.
 * @param told is filled in before the end
 * @throws COMPRESSION_INVALID, and the errors of the input
 */
export async function* inflateByZlib(
  input: ByteCursor,
  where: string,
  told: Inflation,
): AsyncGenerator<Buffer, void, undefined> {
  const inflate = createInflateRaw({ chunkSize: CHUNK_BYTES });
  /** Ends the wait for a write that zlib does not answer: behind the end of a member it takes no bytes. */
  let release = (): void => {};
  inflate.once('close', () => release());
  /** The last chunks that were written: zlib may not have used them all when the member ends. */
  const written: Buffer[] = [];
  /** Memory for one of them; mostly there is no more than one. */
  const own = takeChunk();
  let writtenBytes = 0;
  let droppedBytes = 0;
  let over = false;

  async function feed(): Promise<void> {
    for (let chunk = await input.take(); ; chunk = await input.take()) {
      if (over) {
        if (chunk !== undefined) input.putBack(chunk);
        return;
      }
      if (chunk === undefined) {
        inflate.end();
        return;
      }
      for (let first = written[0]; first !== undefined; first = written[0]) {
        if (droppedBytes + first.length > inflate.bytesWritten) break;
        droppedBytes += first.length;
        written.shift();
      }
      // A copy, because it may be given back when the memory of the chunk is used again
      const kept = written.length === 0 && chunk.length <= own.length ? own : Buffer.allocUnsafeSlow(chunk.length);
      written.push(kept.subarray(0, chunk.copy(kept)));
      writtenBytes += chunk.length;
      await new Promise<void>((resolve) => {
        release = resolve;
        inflate.write(chunk, () => resolve());
      });
    }
  }

  let sourceError: unknown;
  const feeding = feed().catch((error: unknown) => {
    sourceError = error;
    inflate.destroy();
  });
  try {
    for await (const chunk of inflate) {
      told.crc = crc32(chunk, told.crc);
      told.size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    const code = isError(error) && 'code' in error ? error.code : undefined;
    if (code === 'Z_BUF_ERROR') throw truncated(where);
    throw compressionInvalid('gzip', where, messageOf(error), { cause: error });
  } finally {
    over = true;
    inflate.destroy();
    await feeding;
  }
  // Reading ahead may have met the end of the source, where the digest of the source is checked.
  if (sourceError !== undefined) throw sourceError;
  told.compressedBytes = inflate.bytesWritten;
  const left = writtenBytes - inflate.bytesWritten;
  if (left > 0) {
    const tail = Buffer.concat(written);
    input.putBack(tail.subarray(tail.length - left));
  }
  giveChunks([own]);
}
