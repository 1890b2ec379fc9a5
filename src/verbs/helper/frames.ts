import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { TsimgError } from '../../errors.ts';

// Several streams, one after the other, over one pipe. A stream is a sequence of frames, and a frame of length 0 ends
// it. A frame is its length (4 bytes, big-endian) and its bytes. Input that ends without a frame of length 0 was cut
// off.

const HEADER = 4;

async function writeFrame(to: Writable, piece: Uint8Array): Promise<void> {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(piece.length);
  to.write(header);
  if (!to.write(piece)) await once(to, 'drain');
}

/** Writes a stream and the frame that ends it. */
export async function writeStream(to: Writable, stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of stream) if (piece.length > 0) await writeFrame(to, piece);
  await writeFrame(to, new Uint8Array());
}

function cutOff(): TsimgError {
  return new TsimgError('INTERRUPTED', 'a layer was cut off', {
    why: 'the process that sends the layers ended early',
  });
}

/**
 * Yields the content of all frames; an empty buffer is the end of a stream.
 * @throws INTERRUPTED where the input was cut off
 */
export async function* readFrames(from: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  let want: number | undefined;
  for await (const chunk of from) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      if (want === undefined) {
        if (held.length < HEADER) break;
        want = held.readUInt32BE();
        held = held.subarray(HEADER);
      }
      if (held.length < want) break;
      yield held.subarray(0, want);
      held = held.subarray(want);
      want = undefined;
    }
  }
  if (held.length > 0 || want !== undefined) throw cutOff();
}

/** Returns the next stream. The stream before must have been read to its end. */
export function nextStream(frames: AsyncGenerator<Buffer>): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const { value, done } = await frames.next();
      if (done) throw cutOff();
      if (value.length === 0) return;
      yield value;
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}
