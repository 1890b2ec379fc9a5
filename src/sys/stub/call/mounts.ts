import { O_CLOEXEC } from '../../file/open-how.ts';
import type { LaterCall, Stub } from '../stub.ts';

// What has no answer is performed with the next call that has one (`Stub.later`), which throws its error.

const MNT_DETACH = 2;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_BOTH_EMPTY = 0x04 | 0x40;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const STRUCT_MOUNT_ATTR_SIZE = 32;
const MOUNT_ATTR_IDMAP = 0x0010_0000n;

export interface MountCall {
  readonly source: string | null;
  /** As the kernel is to resolve it: `/proc/self/fd/N` for a place that was opened before. */
  readonly target: string;
  readonly type: string | null;
  /** linux/mount-flags `MS`. */
  readonly flags: number;
  readonly data?: string | undefined;
}

/** mount(2). @throws SYSTEM_CALL */
export function mount(
  stub: Stub,
  { source, target, type, flags, data = '' }: MountCall,
  where: string,
  explain?: LaterCall['explain'],
): void {
  stub.later({ name: 'mount', args: [source, target, type, flags, data === '' ? null : data], where, explain });
}

function setattr(stub: Stub, fd: number, attributes: Buffer, recursive: boolean, where: string): void {
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  stub.later({ name: 'mount_setattr', args: [fd, '', flags, attributes, attributes.length], where });
}

/**
 * Sets attributes of a mount that is open, leaving its others alone. mount_setattr(2), Linux 5.12. @throws SYSTEM_CALL
 */
export function setMountAttributes(stub: Stub, fd: number, bits: number, recursive: boolean, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(bits), 0);
  setattr(stub, fd, attributes, recursive, where);
}

/**
 * Shows the files of a mount that was cloned and is not attached yet with other IDs: what is 0 on disk is what is 0 in
 * the user namespace that a descriptor names. mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12. @throws SYSTEM_CALL
 */
export function setMountIdMap(stub: Stub, fd: number, userNamespace: number, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(MOUNT_ATTR_IDMAP, 0);
  attributes.writeBigUInt64LE(BigInt(userNamespace), 24);
  setattr(stub, fd, attributes, true, where);
}

/**
 * Sets which way later mounts spread between a mount that is open and its peers, recursively. mount_setattr(2). @throws
 * SYSTEM_CALL
 */
export function setPropagation(stub: Stub, fd: number, flag: number, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(flag), 16);
  setattr(stub, fd, attributes, true, where);
}

/**
 * A bind mount, with all that is mounted below, of what a descriptor names; nowhere to be seen until `attachMount`, so
 * that its attributes can be set before. The descriptor goes on naming it. open_tree(2), Linux 5.2. @throws SYSTEM_CALL
 */
export function cloneMount(stub: Stub, fd: number, where: string): number {
  return stub.call('open_tree', [fd, '', OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE], where);
}

/** Mounts such a tree on what another descriptor names. move_mount(2), Linux 5.2. @throws SYSTEM_CALL */
export function attachMount(stub: Stub, tree: number, place: number, where: string): void {
  stub.later({ name: 'move_mount', args: [tree, '', place, '', MOVE_MOUNT_BOTH_EMPTY], where });
}

/** Makes the working directory the root of the stub, and nothing else. chroot(2). @throws SYSTEM_CALL */
export function changeRootToWorkingDirectory(stub: Stub): void {
  stub.later({ name: 'chroot', args: ['.'] });
}

/**
 * Makes the working directory the root and puts the old root on top of it. pivot_root(2), "pivot_root(".", ".")".
 * @throws SYSTEM_CALL
 */
export function pivotToWorkingDirectory(stub: Stub): void {
  stub.later({ name: 'pivot_root', args: ['.', '.'] });
}

/** Takes a mount away, now from sight and later, when nothing uses it, altogether. umount2(2). @throws SYSTEM_CALL */
export function detachMount(stub: Stub, target: string): void {
  stub.later({ name: 'umount2', args: [target, MNT_DETACH], where: target });
}
