import { bind, checked } from './libc.ts';
import { SYSCALL } from './syscall-number.data.ts';

const mountCall = bind<[string | null, string, string | null, number, string | null]>(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const umountCall = bind<[string, number]>('int umount2(const char *target, int flags)');
const pivotCall = bind<[number, string, string]>('long syscall(long number, const char *root, const char *old)');
const chrootCall = bind<[string]>('int chroot(const char *path)');
const setattrCall = bind<[number, number, string, number, Buffer, number]>(
  'long syscall(long number, long directory, const char *path, long flags, void *attributes, long size)',
);

const openTreeCall = bind<[number, number, string, number]>(
  'long syscall(long number, long directory, const char *path, long flags)',
);
const moveMountCall = bind<[number, number, string, number, string, number]>(
  'long syscall(long number, long from, const char *fromPath, long to, const char *toPath, long flags)',
);

const MNT_DETACH = 2;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const MOVE_MOUNT_BOTH_EMPTY = 0x04 | 0x40;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const STRUCT_MOUNT_ATTR_SIZE = 32;

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
export function mount({ source, target, type, flags, data }: MountCall, where: string): void {
  checked(mountCall(source, target, type, flags, data === undefined || data === '' ? null : data), 'mount', where);
}

/** Sets attributes of a mount that is open, leaving its others alone. mount_setattr(2), Linux 5.12. @throws SYSTEM_CALL */
export function setMountAttributes(fd: number, bits: number, recursive: boolean, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(bits), 0);
  const flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  checked(setattrCall(SYSCALL.mount_setattr, fd, '', flags, attributes, attributes.length), 'mount_setattr', where);
}

/**
 * A bind mount, with all that is mounted below, of what a descriptor names; nowhere to be seen until `attachMount`, so that
 * its attributes can be set before. The descriptor goes on naming it. open_tree(2), Linux 5.2. @throws SYSTEM_CALL
 */
export function cloneMount(fd: number, where: string): number {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  return checked(openTreeCall(SYSCALL.open_tree, fd, '', flags), 'open_tree', where);
}

/** Mounts such a tree on what another descriptor names. move_mount(2), Linux 5.2. @throws SYSTEM_CALL */
export function attachMount(tree: number, place: number, where: string): void {
  checked(moveMountCall(SYSCALL.move_mount, tree, '', place, '', MOVE_MOUNT_BOTH_EMPTY), 'move_mount', where);
}

/** Sets which way later mounts spread between a mount that is open and its peers, recursively. mount_setattr(2). @throws SYSTEM_CALL */
export function setPropagation(fd: number, flag: number, where: string): void {
  const attributes = Buffer.alloc(STRUCT_MOUNT_ATTR_SIZE);
  attributes.writeBigUInt64LE(BigInt(flag), 16);
  const flags = AT_EMPTY_PATH | AT_RECURSIVE;
  checked(setattrCall(SYSCALL.mount_setattr, fd, '', flags, attributes, attributes.length), 'mount_setattr', where);
}

/** Makes the working directory the root of this process, and nothing else. chroot(2). @throws SYSTEM_CALL */
export function changeRootToWorkingDirectory(): void {
  checked(chrootCall('.'), 'chroot');
}

/** Makes the working directory the root and puts the old root on top of it. pivot_root(2), "pivot_root(".", ".")". @throws SYSTEM_CALL */
export function pivotToWorkingDirectory(): void {
  checked(pivotCall(SYSCALL.pivot_root, '.', '.'), 'pivot_root');
}

/** Takes a mount away, now from sight and later, when nothing uses it, altogether. umount2(2). @throws SYSTEM_CALL */
export function detachMount(target: string): void {
  checked(umountCall(target, MNT_DETACH), 'umount2', target);
}
