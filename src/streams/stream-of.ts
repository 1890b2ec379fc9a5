import { Readable } from 'node:stream';
import { isError } from '../errors.ts';

/** Bytes that may wait in a stream for its reader. */
const HIGH_WATER_BYTES = 512 * 1024;

/**
 * Makes a stream of chunks that are made of a source. The stream fails as soon as the source fails, and closes the
 * source when it is closed. A generator alone would first wait for a source that sends nothing more.
 */
export function streamOf(source: Readable, chunks: AsyncGenerator<Buffer, void, undefined>): Readable {
  const stream = new Readable({
    highWaterMark: HIGH_WATER_BYTES,
    read() {
      chunks.next().then(
        ({ done, value }) => stream.push(done === true ? null : value),
        (error: unknown) => stream.destroy(isError(error) ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      source.destroy();
      // It ends with its source; its last error concerns no reader.
      chunks.return().catch(() => {});
      done(error);
    },
  });
  source.once('error', (error) => stream.destroy(error));
  return stream;
}
