import { constants, fstatSync, readSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { openInRoot } from '../../sys/file/open-in-root.ts';
import { withDescriptor } from './own-descriptors.ts';

/** The most that /etc/passwd or /etc/group of a root filesystem may be: bytes. Lists of a whole campus fit. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * A text file of the root filesystem, '' where there is none. A FIFO would hang the launch, a device or an endless file
 * exhaust it: only regular files are read, and only so much (CVE-2024-9676).
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED
 */
export function readRootFile(rootFd: number, path: string): string {
  let fd: number;
  try {
    fd = openInRoot(rootFd, path, {
      flags: constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      links: 'inside',
    });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
  return withDescriptor(fd, () => {
    if (!fstatSync(fd).isFile()) {
      throw new TsimgError('LAUNCH_FAILED', 'not a regular file in the root filesystem', { where: path });
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const chunk = Buffer.alloc(64 * 1024);
      const count = readSync(fd, chunk);
      if (count === 0) return Buffer.concat(chunks).toString('utf8');
      size += count;
      if (size > MAX_BYTES) {
        throw new TsimgError('LIMIT_EXCEEDED', 'a file of the root filesystem is too large', {
          where: path,
          facts: { limit: MAX_BYTES },
        });
      }
      chunks.push(chunk.subarray(0, count));
    }
  });
}
