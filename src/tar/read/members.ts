import type { TarHeader } from '../header.ts';
import { type Place, tarInvalid } from './place.ts';
import { createTarReader, type TarReaderOptions } from './read.ts';
import type { SparseMap } from './sparse.ts';

/** An entry of a seekable archive, and the place of its content. */
export interface TarMember {
  readonly header: TarHeader;
  /** Bytes of the archive before the content. */
  readonly dataOffset: number;
  /** Bytes of content in the archive. Of a sparse member fewer than `header.size`. */
  readonly dataSize: number;
  /** Undefined for a member that is not sparse: its content is the `dataSize` bytes at `dataOffset`. */
  readonly sparse: SparseMap | undefined;
}

/** Reads up to `length` bytes at `offset`; fewer only at the end of the archive. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** Bytes of one read for headers: many small members in one read, and few bytes of large ones. */
const WINDOW_BYTES = 16 * 1024;
/** Archives of images have some hundred members; the list of more would not be small any more. */
const MAX_MEMBERS = 100_000;

/**
 * Lists the members of a seekable, uncompressed archive of `size` bytes in their order: reads headers and skips
 * contents. A name that is there twice is listed twice; an extraction would leave the last.
 * @throws TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED (beyond 100,000 members, or `limits.entries`)
 */
export async function listMembers(
  read: ReadAt,
  size: number,
  options: TarReaderOptions = {},
): Promise<readonly TarMember[]> {
  const members: TarMember[] = [];
  const place: Place = { where: options.where, offset: size };
  const reader = createTarReader(
    {
      entry(header, { offset, storedBytes, sparse }) {
        if (offset + storedBytes > size) throw tarInvalid(place, 'it ends in the middle of an entry');
        members.push({ header, dataOffset: offset, dataSize: storedBytes, sparse });
      },
      data() {},
      end() {},
    },
    { ...options, limits: { entries: MAX_MEMBERS, ...options.limits } },
  );
  let offset = 0;
  while (offset < size) {
    const window = await read(offset, Math.min(WINDOW_BYTES, size - offset));
    if (window.length === 0) throw tarInvalid({ ...place, offset }, 'it is shorter than its size');
    reader.write(window);
    offset += window.length + reader.skipBody();
  }
  reader.end();
  return members;
}
