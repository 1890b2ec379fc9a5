/** Restrictions of a mount, in mount(8)'s words. */
export type MountAttribute = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'strictatime';

/** The direction in which later mounts propagate between a mount and its copy. mount_namespaces(7). */
export type Propagation = 'private' | 'slave' | 'shared';

/** mount(2)'s flags. */
export const MS = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  recursive: 1 << 14,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  strictatime: 1 << 24,
} as const;

/** mount_setattr(2)'s attributes. */
const ATTRIBUTE: Readonly<Record<MountAttribute, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  strictatime: 0x20,
};

/** Returns the flags of attributes for mount(2). */
export function mountFlags(attributes: readonly MountAttribute[]): number {
  return attributes.reduce((flags, each) => flags | MS[each], 0);
}

/** Returns the bits of attributes for mount_setattr(2). */
export function attributeBits(attributes: readonly MountAttribute[]): number {
  return attributes.reduce((bits, each) => bits | ATTRIBUTE[each], 0);
}
