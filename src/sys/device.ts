import { bind, checked } from './libc.ts';

const mknodCall = bind<[string, number, bigint]>('int mknod(const char *path, unsigned int mode, uint64_t device)');
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

/** Makes a character device that all may read and write. mknod(2). @throws SYSTEM_CALL with `facts.errno` EPERM where this is not allowed */
export function makeCharacterDevice(path: string, device: bigint, where: string): void {
  checked(mknodCall(path, S_IFCHR | 0o666, device), 'mknod', where);
}

/** Makes a device of either kind, with these permissions whatever the umask is. mknod(2). @throws SYSTEM_CALL with `facts.errno` EPERM where this is not allowed */
export function makeDeviceFile(
  path: string,
  kind: 'character' | 'block',
  device: bigint,
  mode: number,
  where: string,
): void {
  checked(mknodCall(path, (kind === 'block' ? S_IFBLK : S_IFCHR) | mode, device), 'mknod', where);
}
