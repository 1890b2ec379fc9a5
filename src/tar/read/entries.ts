import type { TarHeader } from '../header.ts';
import { createTarReader, type TarReaderOptions } from './read.ts';

/** An entry of {@link readTar}. */
export interface TarEntry {
  readonly header: TarHeader;
  /**
   * The content of the resulting file, holes as zeros: `header.size` bytes. Read it before the next entry is asked for:
   * an unread body is skipped. The buffers are views of the archive's chunks: copy them to keep them.
   */
  readonly body: AsyncIterable<Buffer>;
}

type Piece =
  | { readonly kind: 'entry'; readonly header: TarHeader }
  | { readonly kind: 'data'; readonly chunk: Buffer; readonly position: number }
  | { readonly kind: 'end' };

const ZEROS = Buffer.alloc(64 * 1024);

/**
 * Reads the entries of an uncompressed tar archive (POSIX ustar, PAX, GNU), in order, with all extensions applied. All
 * chunks are read, also those behind the end of the archive, so that a hash over them is complete. Leaving the loop
 * early closes `chunks`.
 * @throws TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED, and the errors of `chunks`
 * @example
 * for await (const { header, body } of readTar(createReadStream('rootfs.tar'))) {
 *   console.log(header.kind, header.path, header.size);
 *   for await (const chunk of body) hash.update(chunk);
 * }
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: TarReaderOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const pieces: Piece[] = [];
  let taken = 0;
  const reader = createTarReader(
    {
      entry: (header) => pieces.push({ kind: 'entry', header }),
      data: (chunk, position) => pieces.push({ kind: 'data', chunk, position }),
      end: () => pieces.push({ kind: 'end' }),
    },
    options,
  );
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  let finished = false;

  /** The next piece; undefined at the end of the archive. */
  async function next(): Promise<Piece | undefined> {
    while (taken === pieces.length) {
      if (finished) return undefined;
      pieces.length = 0;
      taken = 0;
      const { done, value } = await source.next();
      if (done === true) {
        finished = true;
        reader.end();
      } else {
        reader.write(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      }
    }
    return pieces[taken++];
  }

  let open: TarHeader | undefined;

  async function* content(header: TarHeader): AsyncGenerator<Buffer, void, undefined> {
    if (open !== header) throw new Error('the body of a tar entry was read after the next entry was asked for');
    let position = 0;
    for (;;) {
      const piece = await next();
      const upTo = piece?.kind === 'data' ? piece.position : header.size;
      for (; position < upTo; position += Math.min(ZEROS.length, upTo - position)) {
        yield ZEROS.subarray(0, Math.min(ZEROS.length, upTo - position));
      }
      if (piece?.kind !== 'data') break;
      position += piece.chunk.length;
      yield piece.chunk;
    }
    open = undefined;
  }

  try {
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      if (piece.kind !== 'entry') continue;
      const { header } = piece;
      open = header;
      yield { header, body: { [Symbol.asyncIterator]: () => content(header) } };
      open = undefined;
    }
  } finally {
    if (!finished) await source.return?.();
  }
}
