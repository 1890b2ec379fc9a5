// The protocol between a monitor and the processes that are attached to its container: frames of one byte for the kind,
// four for the length (big-endian), and the bytes.

/** The kinds of frames. */
export const FRAME = {
  /** From the container. */
  stdout: 1,
  stderr: 2,
  /** The last one from the container: its exit status, four bytes. */
  ended: 3,
  /** To the container. */
  input: 4,
  endOfInput: 5,
  /** The size of the attached terminal: columns and rows, two bytes each. */
  size: 6,
} as const;

const HEADER = 5;
/** The longest frame: bytes. */
const LONGEST = 128 * 1024;

/** A frame that was read. */
export interface Frame {
  readonly kind: number;
  readonly bytes: Buffer;
}

/** Formats a frame. @param bytes 128 KiB at most */
export function formatFrame(kind: number, bytes: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Formats bytes of any number as frames of one kind. */
export function formatFrames(kind: number, bytes: Buffer): Buffer {
  if (bytes.length <= LONGEST) return formatFrame(kind, bytes);
  const count = Math.ceil(bytes.length / LONGEST);
  const piece = (index: number) => bytes.subarray(index * LONGEST, (index + 1) * LONGEST);
  return Buffer.concat(Array.from({ length: count }, (_, index) => formatFrame(kind, piece(index))));
}

/** Formats the size of a terminal. */
export function formatSizeFrame(columns: number, rows: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(Math.min(columns, 0xffff), 0);
  bytes.writeUInt16BE(Math.min(rows, 0xffff), 2);
  return formatFrame(FRAME.size, bytes);
}

/** Formats the exit status of a container. */
export function formatEndFrame(exitCode: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(exitCode);
  return formatFrame(FRAME.ended, bytes);
}

/**
 * Returns a function that takes what is received, piece by piece, and returns the frames that are complete; undefined
 * once the other side sends what is no frame.
 */
export function frameReader(): (chunk: Buffer) => readonly Frame[] | undefined {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const frames: Frame[] = [];
    while (held.length >= HEADER) {
      const length = held.readUInt32BE(1);
      if (length > LONGEST) return undefined;
      if (held.length < HEADER + length) break;
      frames.push({ kind: held.readUInt8(0), bytes: held.subarray(HEADER, HEADER + length) });
      held = held.subarray(HEADER + length);
    }
    return frames;
  };
}
