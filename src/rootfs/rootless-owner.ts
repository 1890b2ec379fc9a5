/** The xattr in which umoci, PRoot and others record an owner that an ordinary user could not set. */
export const ROOTLESS_OWNER = 'user.rootlesscontainers';

/** What stands for "as it is, 0" in a record that holds only the other id. */
const NOT_SET = 0xffffffff;

/**
 * The record of an owner: protobuf `Resource { uint32 uid = 1; uint32 gid = 2 }` of rootlesscontainers.proto, an id
 * of 0 written as 2^32-1. Undefined for root:root, which needs none.
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
