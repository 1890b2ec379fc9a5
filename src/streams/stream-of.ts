import { Readable } from 'node:stream';

/** Bytes that may wait in a stream for whoever reads it. */
const HIGH_WATER_BYTES = 512 * 1024;

/**
 * A stream of what `chunks` makes of `source`. It fails with the source, at once, and closes the source when it is
 * closed: a generator alone would first wait for a source that has nothing more to say.
 */
export function streamOf(source: Readable, chunks: AsyncGenerator<Buffer, void, undefined>): Readable {
  const stream = new Readable({
    highWaterMark: HIGH_WATER_BYTES,
    read() {
      chunks.next().then(
        ({ done, value }) => stream.push(done === true ? null : value),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      source.destroy();
      // It ends when its source does; what it still has to say about that nobody is there to hear.
      chunks.return().catch(() => {});
      done(error);
    },
  });
  source.once('error', (error) => stream.destroy(error));
  return stream;
}
