import { Writable } from 'node:stream';

/** An output of a command, of which a number of bytes is kept. */
export interface BoundedOutput {
  readonly stream: Writable;
  /** Whether more came than is kept. */
  isExceeded(): boolean;
  /** The first bytes that came. */
  bytes(): Buffer;
}

/** Chunks until they are joined: each costs some 50 bytes besides its content, and a program may write byte by byte. */
const MOST_CHUNKS = 1024;

/**
 * Keeps what is written, up to a number of bytes, and drops the rest.
 * @param onExceeded called at each chunk that is too many
 */
export function boundedOutput(most: number, onExceeded: () => void = () => {}): BoundedOutput {
  let chunks: Buffer[] = [];
  let size = 0;
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      const room = most - size;
      size += chunk.length;
      if (room > 0) chunks.push(chunk.subarray(0, room));
      if (chunks.length > MOST_CHUNKS) chunks = [Buffer.concat(chunks)];
      if (size > most) onExceeded();
      done();
    },
  });
  return { stream, isExceeded: () => size > most, bytes: () => Buffer.concat(chunks) };
}
