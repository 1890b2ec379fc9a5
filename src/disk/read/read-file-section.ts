import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { attempt } from '../directory/check.ts';
import type { Promised } from './verified-chunks.ts';

/** Stored bytes of a layer in a file that is open, and what they must be. */
export interface PromisedSection extends Promised {
  readonly descriptor: number;
  /** Bytes before them. */
  readonly offset: number;
}

/**
 * The bytes of a section, fewer where its file ends too early: not verified. Reads in the caller's own thread.
 * @param chunks memory that it reads into in turns, three at least: see `decompressChunks`
 * @param onBytes is told how many were read
 * @param isOver whether nobody wants more: then memory and descriptor are left alone
 * @throws FILESYSTEM
 */
export async function* readFileSection(
  section: PromisedSection,
  chunks: readonly Buffer[],
  where: string,
  onBytes: (done: number) => void,
  isOver: () => boolean,
): AsyncGenerator<Buffer, void, undefined> {
  const { descriptor, offset, size } = section;
  let done = 0;
  for (let turn = 0; done < size; turn += 1) {
    // Else nothing but this layer would be done in this thread, and nobody could stop it
    await setImmediate();
    if (isOver()) return;
    const chunk = chunks[turn % chunks.length];
    if (chunk === undefined) throw new RangeError('no memory to read into');
    const wanted = Math.min(chunk.length, size - done);
    const count = attempt('read a layer', where, () => readSync(descriptor, chunk, 0, wanted, offset + done));
    if (count === 0) return;
    done += count;
    onBytes(done);
    yield chunk.subarray(0, count);
  }
}
