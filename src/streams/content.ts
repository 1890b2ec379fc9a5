import type { Readable } from 'node:stream';

/**
 * Opens content at an offset in bytes, 0 too. Nobody has verified it: the caller verifies the whole. An iterable that
 * is no stream must end by itself when the signal of the copy is aborted.
 */
export type OpenRest = (offset: number) => Promise<AsyncIterable<Buffer>>;

/**
 * Opens content. It may be called again: bytes are sent again after a broken connection. Without an offset it opens the
 * whole, verified by its source.
 */
export type OpenContent = (() => Promise<Readable>) & ((offset: number) => Promise<AsyncIterable<Buffer>>);

/** Bytes that are written: in memory, a stream that can be read once, or a function that opens one. */
export type Content = Uint8Array | Readable | OpenContent;

/** Opens content that is not in memory, for one reading of the whole. */
export async function openContent(content: Readable | (() => Promise<Readable>)): Promise<Readable> {
  return typeof content === 'function' ? content() : content;
}
