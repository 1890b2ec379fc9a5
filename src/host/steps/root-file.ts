import { constants, fstatSync, readSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { openInRoot } from '../../sys/file/open-in-root.ts';
import * as files from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { withDescriptor } from './own-descriptors.ts';

// Text files of a root filesystem: only regular files are read, and only so much of them, for a FIFO would hang the launch, and a
// device or an endless file would exhaust the memory (CVE-2024-9676).

/** The most that /etc/passwd or /etc/group of a root filesystem may be: bytes. Lists of a whole campus fit. */
const MAX_BYTES = 4 * 1024 * 1024;
const CHUNK = 64 * 1024;
const HOW = { flags: constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY, links: 'inside' } as const;

/** What opens the file; undefined where there is none. */
function openUnlessAbsent(open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** @param read the content of a regular file; undefined where it is longer than `MAX_BYTES` */
function readText(path: string, isFile: boolean, read: () => Buffer | undefined): string {
  if (!isFile) throw new TsimgError('LAUNCH_FAILED', 'not a regular file in the root filesystem', { where: path });
  const bytes = read();
  if (bytes !== undefined) return bytes.toString('utf8');
  const facts = { limit: MAX_BYTES };
  throw new TsimgError('LIMIT_EXCEEDED', 'a file of the root filesystem is too large', { where: path, facts });
}

function readAll(fd: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= MAX_BYTES; ) {
    const chunk = Buffer.alloc(CHUNK);
    const count = readSync(fd, chunk);
    if (count === 0) return Buffer.concat(chunks);
    size += count;
    chunks.push(chunk.subarray(0, count));
  }
  return undefined;
}

/** A text file of a root filesystem; '' where there is none. @throws LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL */
export function readRootFile(rootFd: number, path: string): string {
  const fd = openUnlessAbsent(() => openInRoot(rootFd, path, HOW));
  if (fd === undefined) return '';
  return withDescriptor(fd, () => readText(path, fstatSync(fd).isFile(), () => readAll(fd)));
}

/** The same, read by a stub. @throws LAUNCH_FAILED, LIMIT_EXCEEDED, SYSTEM_CALL */
export function readRootFileBy(stub: Stub, rootFd: number, path: string): string {
  const fd = openUnlessAbsent(() => files.openInRoot(stub, rootFd, path, HOW));
  if (fd === undefined) return '';
  const isFile = () => files.statusOf(stub, fd).kind === 'file';
  return files.withDescriptor(stub, fd, () => readText(path, isFile(), () => files.readAll(stub, fd, MAX_BYTES)));
}
