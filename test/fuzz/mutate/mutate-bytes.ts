import type { Random } from './random.ts';

/** Bytes that are special to some parsers. */
const SPICE = [0, 0x20, 0x30, 0x37, 0x39, 0x3d, 0x0a, 0x2f, 0x2e, 0x3a, 0x22, 0x5c, 0x7f, 0x80, 0xfe, 0xff];

function spliced(bytes: Buffer, from: number, to: number, insert: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(to)]);
}

/** Makes one change without knowledge of the format. */
export function mutateBytes(seed: Buffer, other: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(seed);
  const at = random.below(bytes.length);
  const length = 1 + random.below(random.once(4) ? bytes.length - at : 8);
  switch (random.below(8)) {
    case 0:
    case 1:
      if (bytes.length > 0) bytes[at] = random.pick(SPICE);
      return bytes;
    case 2:
      if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return spliced(bytes, at, at + length, Buffer.alloc(0));
    case 5:
      return spliced(bytes, at, at, bytes.subarray(at, at + length));
    case 6:
      return spliced(bytes, at, at, Buffer.alloc(1 + random.below(8), random.pick(SPICE)));
    default: {
      // The head of one input and the tail of another.
      const cut = random.below(other.length);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(cut)]);
    }
  }
}

/** Makes several changes, one after the other. */
export function mutateSome(seed: Buffer, other: Buffer, random: Random): Buffer {
  let bytes = seed;
  for (let count = 1 + random.below(4); count > 0; count--) bytes = mutateBytes(bytes, other, random);
  return bytes;
}
