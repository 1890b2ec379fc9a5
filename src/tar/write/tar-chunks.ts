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
 * Yields a whole archive in chunks, with everything that a root filesystem may have: names that are no UTF-8,
 * nanoseconds, extended attributes. Entries keep their order, and are read only as fast as the chunks are taken.
 * @throws SIZE_MISMATCH when the content of an entry has another length than its header says
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
