import { pipeline, type Readable, Transform } from 'node:stream';

/** Reads a stream and passes on the bytes after the first `count`. An error of either end reaches the other one. */
export function skipping(stream: Readable, count: number): Readable {
  if (count === 0) return stream;
  let left = count;
  const rest = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      done(null, skipped === chunk.length ? undefined : chunk.subarray(skipped));
    },
  });
  return pipeline(stream, rest, () => {});
}
