import type { SparseMap } from './sparse.ts';

/** Passes stored bytes on, with their offset in the resulting file. */
export interface BodyWriter {
  /** Passes the bytes of `chunk` from `start` to `end` on. */
  write(chunk: Buffer, start: number, end: number): void;
}

/** Makes a writer for the content of one file. The bytes of a sparse file go to its segments, one after the other. */
export function writeBody(sparse: SparseMap | undefined, data: (chunk: Buffer, position: number) => void): BodyWriter {
  let position = 0;
  if (sparse === undefined) {
    return {
      write(chunk, start, end) {
        data(chunk.subarray(start, end), position);
        position += end - start;
      },
    };
  }
  const { segments } = sparse;
  let segment = 0;
  /** Bytes of the current segment that have come. */
  let done = 0;
  return {
    write(chunk, start, end) {
      for (let at = start; at < end; ) {
        const length = segments[segment + 1] ?? 0;
        const take = Math.min(end - at, length - done);
        data(chunk.subarray(at, at + take), (segments[segment] ?? 0) + done);
        at += take;
        done += take;
        if (done === length) {
          segment += 2;
          done = 0;
        }
      }
    },
  };
}
