import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { attempt } from '../directory/check.ts';
import type { LayerContext } from './layer-context.ts';
import type { Promised } from './verified-chunks.ts';

/** The stored bytes of a layer in an open file, with their expected size and digest. */
export interface PromisedSection extends Promised {
  readonly descriptor: number;
  /** Bytes before the section. */
  readonly offset: number;
}

export interface ReadSectionOptions {
  /** Chunks to read into in turns, three at least: see `decompressChunks`. */
  readonly memory: readonly Buffer[];
  readonly context: LayerContext;
  /** Whether the reader wants no more: then memory and descriptor are left alone. */
  isOver(): boolean;
}

/**
 * Yields the bytes of a section, fewer where its file ends too early; they are not verified. Reads in the caller's own
 * thread.
 * @throws FILESYSTEM, and the errors of `onBytes`
 */
export async function* readFileSection(
  { descriptor, offset, size }: PromisedSection,
  { memory, context, isOver }: ReadSectionOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const { where } = context.options;
  let done = 0;
  for (let turn = 0; done < size; turn += 1) {
    // Lets the thread do other work, and hear that it must stop
    await setImmediate();
    if (isOver()) return;
    const chunk = memory[turn % memory.length];
    if (chunk === undefined) throw new RangeError('no memory to read into');
    const wanted = Math.min(chunk.length, size - done);
    const count = attempt('read a layer', where, () => readSync(descriptor, chunk, 0, wanted, offset + done));
    if (count === 0) return;
    done += count;
    context.onBytes(done);
    yield chunk.subarray(0, count);
  }
}
