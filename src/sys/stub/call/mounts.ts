import { join } from 'node:path/posix';
import { O_CLOEXEC } from '../../file/open-how.ts';
import type { Call } from '../request.ts';
import type { LaterCall, Stub } from '../stub.ts';
import { AT_FDCWD, type Descriptor, descriptorOf } from './file-calls.ts';

// Calls without a result are delayed and performed with the next call that has one (`Stub.later`), which throws their
// errors.

/** Unmounts at once; the kernel frees the mount when it is not used any more. umount2(2) */
export const MNT_DETACH = 2;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_BOTH_EMPTY = 0x04 | 0x40;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const AT_REMOVEDIR = 0x200;
const ENOENT = -2;
const STRUCT_MOUNT_ATTR_SIZE = 32;
const MOUNT_ATTR_IDMAP = 0x0010_0000n;

export interface MountCall {
  readonly source: string | null;
  /** A path; `/proc/self/fd/N` for an open place. */
  readonly target: string;
  readonly type: string | null;
  /** `MS` of linux/mount-flags. */
  readonly flags: number;
  readonly data?: string | undefined;
}

/** The call that mounts. mount(2) */
export function mountCall({ source, target, type, flags, data = '' }: MountCall): Call {
  return { name: 'mount', args: [source, target, type, flags, data === '' ? null : data] };
}

/** Mounts by mount(2). @throws SYSTEM_CALL, or the error that `explain` returns */
export function mount(stub: Stub, call: MountCall, where: string, explain?: LaterCall['explain']): void {
  stub.later({ ...mountCall(call), where, explain });
}

/**
 * Removes the mark that a volatile overlay leaves in its work directory, and for which the kernel refuses to mount one
 * there again. It is missing before the first mount, and only its file is missing after a stub that was killed between
 * the two calls. overlayfs.rst, "Volatile mount"
 * @param work the work directory, below the working directory
 */
export function removeVolatileMark(stub: Stub, work: string): void {
  const mark = join(work, 'work', 'incompat', 'volatile');
  const expected = { result: ENOENT, skip: 0 };
  stub.later({ name: 'unlinkat', args: [AT_FDCWD, `${mark}/dirty`, 0], expected, where: mark });
  stub.later({ name: 'unlinkat', args: [AT_FDCWD, mark, AT_REMOVEDIR], expected, where: mark });
}

/** The mounts that a call of mount_setattr(2) is for. */
interface SetScope {
  /** Whether the mounts below are meant, too. */
  readonly recursive: boolean;
  /** The mount's path, for errors. */
  readonly where: string;
}

function setattrCall(descriptor: Descriptor, attributes: Buffer, recursive: boolean): Call {
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return { name: 'mount_setattr', args: [descriptorOf(descriptor), '', flags, attributes, attributes.length] };
}

export interface MountAttributes extends SetScope {
  /** MOUNT_ATTR_* of linux/mount-flags. */
  readonly bits: number;
}

/** The call that adds attributes to an open mount. mount_setattr(2), Linux 5.12 */
export function mountAttributesCall(descriptor: Descriptor, bits: number, recursive: boolean): Call {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(bits), 0);
  return setattrCall(descriptor, attributes, recursive);
}

/** Adds attributes to an open mount. mount_setattr(2), Linux 5.12 @throws SYSTEM_CALL */
export function setMountAttributes(stub: Stub, fd: number, { bits, recursive, where }: MountAttributes): void {
  stub.later({ ...mountAttributesCall(fd, bits, recursive), where });
}

/**
 * Makes a cloned mount that is not attached yet show its files with the IDs of a user namespace: ID 0 on disk is the
 * namespace's ID 0. mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12 @throws SYSTEM_CALL
 */
export function setMountIdMap(stub: Stub, fd: number, userNamespace: number, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(MOUNT_ATTR_IDMAP, 0);
  attributes.writeBigUInt64LE(BigInt(userNamespace), 24);
  // Not later: this call's error has a reason of its own.
  const { name, args } = setattrCall(fd, attributes, true);
  stub.call(name, args, where);
}

/** Sets the propagation of an open mount and of the mounts below it. mount_setattr(2) @throws SYSTEM_CALL */
export function setPropagation(stub: Stub, fd: number, flag: number, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(flag), 16);
  stub.later({ ...setattrCall(fd, attributes, true), where });
}

/**
 * Makes a bind mount of an open file or directory, with all mounts below it. It is visible nowhere until `attachMount`,
 * so that its attributes can be set first; the returned descriptor names it afterwards too. open_tree(2), Linux 5.2
 * @throws SYSTEM_CALL
 */
export function cloneMount(stub: Stub, fd: number, where: string): number {
  return stub.call('open_tree', cloneMountCall(fd).args, where);
}

/** The call that clones a mount, as `cloneMount` does. open_tree(2) */
export function cloneMountCall(descriptor: Descriptor): Call {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  return { name: 'open_tree', args: [descriptorOf(descriptor), '', flags] };
}

/** Attaches a cloned mount to an open place. move_mount(2), Linux 5.2 @throws SYSTEM_CALL */
export function attachMount(stub: Stub, tree: number, place: number, where: string): void {
  stub.later({ ...attachMountCall(tree, place), where });
}

/** The call that attaches a cloned mount to an open place. move_mount(2) */
export function attachMountCall(tree: Descriptor, place: Descriptor): Call {
  return { name: 'move_mount', args: [descriptorOf(tree), '', descriptorOf(place), '', MOVE_MOUNT_BOTH_EMPTY] };
}

/** Makes the working directory the stub's root directory. chroot(2) @throws SYSTEM_CALL */
export function changeRootToWorkingDirectory(stub: Stub): void {
  stub.later({ name: 'chroot', args: ['.'] });
}

/**
 * Makes the working directory the root mount, with the old root mounted on it. pivot_root(2), "pivot_root(".", ".")"
 * @throws SYSTEM_CALL
 */
export function pivotToWorkingDirectory(stub: Stub): void {
  stub.later({ name: 'pivot_root', args: ['.', '.'] });
}

/** Detaches a mount at once; the kernel unmounts it when it is not used any more. umount2(2) @throws SYSTEM_CALL */
export function detachMount(stub: Stub, target: string): void {
  stub.later({ ...detachCall(target), where: target });
}

/** The call that detaches a mount. umount2(2) */
export function detachCall(target: string): Call {
  return { name: 'umount2', args: [target, MNT_DETACH] };
}
