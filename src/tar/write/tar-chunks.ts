import { sizeMismatch } from '../../crypto/digest.ts';
import { paddingOf } from '../block.ts';
import { END_OF_ARCHIVE, encodeHeader, type TarHeaderToWrite } from './encode.ts';

/** An entry to be written. */
export interface TarEntryToWrite {
  readonly header: TarHeaderToWrite;
  /** `header.size` bytes; absent where that is 0. Names and attributes are bytes, as in {@link TarHeader}. */
  readonly content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
}

/**
 * A whole archive, in chunks, with all that a root filesystem has: names that are no UTF-8, nanoseconds, attributes.
 * Entries are written in the order in which they come, nothing is read ahead of who reads the chunks.
 * @throws SIZE_MISMATCH when an entry's content is not as long as its header says
 */
export async function* tarChunks(
  entries: AsyncIterable<TarEntryToWrite> | Iterable<TarEntryToWrite>,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { header, content } of entries) {
    yield encodeHeader(header);
    let size = 0;
    for await (const chunk of content ?? []) {
      size += chunk.length;
      if (size > header.size) throw sizeMismatch(header.size, size, header.path);
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    }
    if (size !== header.size) throw sizeMismatch(header.size, size, header.path);
    if (size > 0) yield END_OF_ARCHIVE.subarray(0, paddingOf(size));
  }
  yield END_OF_ARCHIVE;
}
