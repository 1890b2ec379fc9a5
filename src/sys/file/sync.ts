import * as fs from 'node:fs';
import { promisify } from 'node:util';

// Only these calls of a small file wait for the disk, in a thread of Node. Others take less than the trip to one.

const sync = promisify(fs.fsync);
const dataSync = promisify(fs.fdatasync);

/** statfs(2): tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

/** Whether a file system has no disk to wait for. */
function isInMemory(path: string): boolean {
  return IN_MEMORY.has(fs.statfsSync(path).type);
}

/** Waits until the disk has the bytes of a file. @param path of the file, or of a folder of its file system */
export async function syncData(fd: number, path: string): Promise<void> {
  if (isInMemory(path)) fs.fdatasyncSync(fd);
  else await dataSync(fd);
}

/** Waits until the disk has the names of a directory. */
export async function syncNames(fd: number, path: string): Promise<void> {
  if (isInMemory(path)) fs.fsyncSync(fd);
  else await sync(fd);
}
