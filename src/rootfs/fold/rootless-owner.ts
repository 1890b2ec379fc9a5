/** The xattr in which umoci, PRoot and others record an owner that an ordinary user could not set. */
export const ROOTLESS_OWNER = 'user.rootlesscontainers';

/** Stands for the ID 0 in a record. */
const NOT_SET = 0xffffffff;

/**
 * Encodes an owner: protobuf `Resource { uint32 uid = 1; uint32 gid = 2 }` of rootlesscontainers.proto, an ID of 0 as
 * 2^32-1. Undefined for root:root, which needs no record.
 */
export function encodeRootlessOwner(uid: number, gid: number): Uint8Array | undefined {
  if (uid === 0 && gid === 0) return undefined;
  return Uint8Array.from([0x08, ...varint(uid || NOT_SET), 0x10, ...varint(gid || NOT_SET)]);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Reads a varint of at most 32 bits; returns it and the rest of the bytes. Undefined where there is none. */
function readVarint(bytes: Uint8Array): readonly [value: number, rest: Uint8Array] | undefined {
  let value = 0;
  for (const [index, byte] of bytes.subarray(0, 5).entries()) {
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte <= 0x7f) return value > NOT_SET ? undefined : [value, bytes.subarray(index + 1)];
  }
  return undefined;
}

/** Decodes the record of an owner; undefined for any other bytes. The inverse of `encodeRootlessOwner`. */
export function decodeRootlessOwner(record: Uint8Array): { readonly uid: number; readonly gid: number } | undefined {
  const ids = { uid: 0, gid: 0 };
  let rest = record;
  while (rest.length > 0) {
    const field = rest[0] === 0x08 ? 'uid' : rest[0] === 0x10 ? 'gid' : undefined;
    const read = readVarint(rest.subarray(1));
    if (field === undefined || read === undefined) return undefined;
    ids[field] = read[0] === NOT_SET ? 0 : read[0];
    rest = read[1];
  }
  return ids;
}
