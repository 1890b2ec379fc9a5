import { closeSync, openSync, readSync } from 'node:fs';
import { findTool } from './tools.ts';

/**
 * Programs that reap processes and pass signals on. They must be static, for the container may lack their libraries.
 */
const NAMES = ['tini-static', 'catatonit', 'docker-init', 'tini'];
const PLACES = ['/usr/libexec/podman/catatonit', '/usr/lib/podman/catatonit', '/usr/libexec/docker/docker-init'];

function startOf(path: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(4096);
    return bytes.subarray(0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/** The type of a program header that names a loader. elf(5) */
const PT_INTERP = 3;

/** Whether the start of a file, 4 KiB, is that of a 64-bit little-endian program without a loader. elf(5) */
function isStaticProgram(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f45_4c46 || bytes[4] !== 2 || bytes[5] !== 1) return false;
  const offset = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (count === 0 || size < 56 || offset + size * count > bytes.length) return false;
  return !Array.from({ length: count }, (_, index) => view.getUint32(offset + index * size, true)).includes(PT_INTERP);
}

/** Finds a static init of the host for `--init`; undefined where there is none. */
export function findInit(): string | undefined {
  const named = NAMES.map(findTool).filter((path) => path !== undefined);
  return [...named, ...PLACES].find((path) => {
    const bytes = startOf(path);
    return bytes !== undefined && isStaticProgram(bytes);
  });
}
