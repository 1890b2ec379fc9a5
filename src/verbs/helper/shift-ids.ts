import type { IdMap } from '../../launch/launch-plan.ts';
import { type IdExtent, mapId, unmapId } from '../../linux/ids.ts';
import type { TarHeaderToWrite } from '../../tar/write/encode.ts';

// Files of a container with `--userns auto` have, on the mounts of the running container, IDs of its user namespace
// as the host sees them. An archive has the IDs that the container sees.

/** Stands for an ID that the other side has not. user_namespaces(7), "Unmapped user and group IDs" */
const OVERFLOW_ID = 65_534;

/** The parts of a header that have IDs in them. */
type Owned = Pick<TarHeaderToWrite, 'uid' | 'gid' | 'xattrs'>;

type ShiftId = (extents: readonly IdExtent[], id: number) => number;

const toInside: ShiftId = (extents, id) => unmapId(extents, id) ?? OVERFLOW_ID;
const toOutside: ShiftId = (extents, id) =>
  mapId(extents, id) ?? mapId(extents, OVERFLOW_ID) ?? mapId(extents, 0) ?? OVERFLOW_ID;

/** Bytes of a list of access rules: a version, then a tag, rights and an ID for each. linux/posix_acl_xattr.h */
const ACL = { header: 4, rule: 8, id: 4, tags: { user: 0x02, group: 0x08 } } as const;

function shiftAcl(value: Buffer, { uids, gids }: IdMap, shift: ShiftId): Buffer {
  const shifted = Buffer.from(value);
  for (let at = ACL.header; at + ACL.rule <= shifted.length; at += ACL.rule) {
    const tag = shifted.readUInt16LE(at);
    const extents = tag === ACL.tags.user ? uids : tag === ACL.tags.group ? gids : undefined;
    if (extents !== undefined) shifted.writeUInt32LE(shift(extents, shifted.readUInt32LE(at + ACL.id)), at + ACL.id);
  }
  return shifted;
}

/** Capabilities of a file, of all namespaces or of one whose root has an ID. linux/capability.h, `vfs_ns_cap_data` */
const CAPABILITY = { revision: 0xff_00_00_00, ofAll: 0x02_00_00_00, ofOne: 0x03_00_00_00, bytes: 20, bytesOfOne: 24 };

/** Capabilities that the container sees: those of its own root. */
function capabilityInside(value: Buffer, { uids }: IdMap): Buffer | undefined {
  if (value.length !== CAPABILITY.bytesOfOne) return undefined;
  if (unmapId(uids, value.readUInt32LE(CAPABILITY.bytes)) !== 0) return undefined;
  const seen = Buffer.from(value.subarray(0, CAPABILITY.bytes));
  seen.writeUInt32LE(((seen.readUInt32LE() & ~CAPABILITY.revision) | CAPABILITY.ofAll) >>> 0);
  return seen;
}

/** Capabilities for the container's own root, and nobody else on the host. */
function capabilityOutside(value: Buffer, { uids }: IdMap): Buffer | undefined {
  const root = mapId(uids, 0);
  if (value.length !== CAPABILITY.bytes || root === undefined) return undefined;
  const stored = Buffer.alloc(CAPABILITY.bytesOfOne);
  value.copy(stored);
  stored.writeUInt32LE(((value.readUInt32LE() & ~CAPABILITY.revision) | CAPABILITY.ofOne) >>> 0);
  stored.writeUInt32LE(root, CAPABILITY.bytes);
  return stored;
}

function shiftXattrs(
  xattrs: Owned['xattrs'],
  map: IdMap,
  { shift, capability }: { readonly shift: ShiftId; readonly capability: typeof capabilityInside },
): Owned['xattrs'] {
  const shifted = new Map<string, Buffer>();
  for (const [name, value] of xattrs) {
    const isAcl = name.startsWith('system.posix_acl_');
    const own = name === 'security.capability' ? capability(value, map) : isAcl ? shiftAcl(value, map, shift) : value;
    if (own !== undefined) shifted.set(name, own);
  }
  return shifted;
}

/** How the headers of an archive become those of files, or the other way round. */
export type ShiftHeader = <T extends Owned>(header: T) => T;

function shiftBy(map: IdMap, shift: ShiftId, capability: typeof capabilityInside): ShiftHeader {
  return (header) => ({
    ...header,
    uid: shift(map.uids, header.uid),
    gid: shift(map.gids, header.gid),
    xattrs: shiftXattrs(header.xattrs, map, { shift, capability }),
  });
}

/** Turns IDs of the host to those that a container with this map sees: 65534 where it has none. */
export function shiftInside(map: IdMap): ShiftHeader {
  return shiftBy(map, toInside, capabilityInside);
}

/** Turns IDs of a container to those of the host: those of its 65534, or its root, where its map has none. */
export function shiftOutside(map: IdMap): ShiftHeader {
  return shiftBy(map, toOutside, capabilityOutside);
}

/** Shifts the headers of entries. */
export async function* shiftEntries<T extends { readonly header: Owned }>(
  entries: AsyncIterable<T>,
  shift: ShiftHeader,
): AsyncGenerator<T> {
  for await (const entry of entries) yield { ...entry, header: shift(entry.header) };
}
