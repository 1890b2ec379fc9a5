import type { Readable } from 'node:stream';

/** Opens content from its beginning. It may be called again: bytes are sent again after a broken connection. */
export type OpenContent = () => Promise<Readable>;

/** Bytes that are written: in memory, a stream that can be read once, or a function that opens one. */
export type Content = Uint8Array | Readable | OpenContent;

/** Opens content that is not in memory, for one reading. */
export async function openContent(content: Readable | OpenContent): Promise<Readable> {
  return typeof content === 'function' ? content() : content;
}
