import type { Readable } from 'node:stream';
import { TsimgError } from '../../errors.ts';

/**
 * Returns a chunk of a caller's input as bytes. A stream of objects may give any value: one that can be no content of a
 * file destroys the stream, with the error USAGE; undefined then.
 */
export function inputBytes(from: Readable, chunk: unknown): Buffer | undefined {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const hint = 'give text, bytes, or a stream of these';
  from.destroy(new TsimgError('USAGE', 'standard input has a chunk that is neither text nor bytes', { hint }));
  return undefined;
}

/** Calls a function at the end of an input, or when it is destroyed; also where that was before. May call it twice. */
export function atInputEnd(from: Readable, end: () => void): Disposable {
  from.on('end', end).on('close', end);
  if (from.destroyed || from.readableEnded) end();
  return { [Symbol.dispose]: () => void from.off('end', end).off('close', end) };
}
