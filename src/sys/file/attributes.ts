import { bind, checked, lastErrno, systemCallError } from '../libc.ts';
import { bothTimes } from './times.ts';

// Attributes of an open file, also one that was opened with O_PATH. No name is looked up again, so the file cannot be
// exchanged. Names of attributes are bytes, one per character (latin1); results are those of the C library, as in
// files.ts.

const AT_EMPTY_PATH = 0x1000;

const fchownat = bind<[number, string, number, number, number]>(
  'int fchownat(int, const char *, uint32_t, uint32_t, int)',
);
const utimensat = bind<[number, string, Buffer, number]>('int utimensat(int, const char *, const uint8_t *, int)');
const setxattr = bind<[string, Buffer, Uint8Array, number, number]>(
  'int setxattr(const char *, const uint8_t *, const uint8_t *, size_t, int)',
);
const llistxattr = bind<[Buffer, Buffer, number]>('long llistxattr(const uint8_t *, uint8_t *, size_t)');
const lgetxattr = bind<[Buffer, Buffer, Buffer, number]>(
  'long lgetxattr(const uint8_t *, const uint8_t *, uint8_t *, size_t)',
);

/** The longest list and value of the kernel: XATTR_LIST_MAX, XATTR_SIZE_MAX. */
const MAX_BYTES = 65536;
const buffer = Buffer.alloc(MAX_BYTES);

function bytes(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

/** Sets the owner; of a symlink itself. */
export function chownOf(fd: number, uid: number, gid: number): number {
  return fchownat(fd, '', uid, gid, AT_EMPTY_PATH);
}

/** Sets the times of access and change; seconds since the epoch and nanoseconds counted forward. */
export function setTimesOf(fd: number, seconds: number, nanoseconds: number): number {
  return utimensat(fd, '', bothTimes(seconds, nanoseconds), AT_EMPTY_PATH);
}

export function setXattrOf(fd: number, attribute: string, value: Uint8Array): number {
  return setxattr(`/proc/self/fd/${fd}`, bytes(attribute), value, value.length, 0);
}

/**
 * Reads the extended attributes of a name in a directory, of a symlink itself, whose names `wanted` picks. An attribute
 * that is removed meanwhile is left out; a file system without attributes has none.
 * @throws SYSTEM_CALL with `facts.errno`
 */
export function readXattrsAt(
  directory: number,
  name: string,
  wanted: (attribute: string) => boolean,
): ReadonlyMap<string, Buffer> {
  const path = bytes(`/proc/self/fd/${directory}/${name}`);
  const length = llistxattr(path, buffer, MAX_BYTES);
  const found = new Map<string, Buffer>();
  if (length === 0) return found;
  if (length < 0) {
    if (['EOPNOTSUPP', 'ENOTSUP'].includes(lastErrno())) return found;
    throw systemCallError('llistxattr', name);
  }
  for (const attribute of buffer.toString('latin1', 0, length).split('\0').filter(Boolean).sort()) {
    if (!wanted(attribute)) continue;
    const size = lgetxattr(path, bytes(attribute), buffer, MAX_BYTES);
    if (size < 0 && lastErrno() === 'ENODATA') continue;
    found.set(attribute, Buffer.from(buffer.subarray(0, checked(size, 'lgetxattr', attribute))));
  }
  return found;
}
