import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { openBeneath, readAll, statusOf, withDescriptor } from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';

/** The most that /etc/passwd or /etc/group of a root filesystem may be: bytes. Lists of a whole campus fit. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * A text file of the root filesystem, '' where there is none. A FIFO would hang the launch, a device or an endless file
 * exhaust it: only regular files are read, and only so much (CVE-2024-9676).
 * @throws LAUNCH_FAILED, LIMIT_EXCEEDED
 */
export function readFileOfRoot(stub: Stub, rootFd: number, path: string): string {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let fd: number;
  try {
    fd = openBeneath(stub, rootFd, path, { flags, links: 'inside' });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
  return withDescriptor(stub, fd, () => {
    if (statusOf(stub, fd).kind !== 'file') {
      throw new TsimgError('LAUNCH_FAILED', 'not a regular file in the root filesystem', { where: path });
    }
    const bytes = readAll(stub, fd, MAX_BYTES);
    if (bytes !== undefined) return bytes.toString('utf8');
    const facts = { limit: MAX_BYTES };
    throw new TsimgError('LIMIT_EXCEEDED', 'a file of the root filesystem is too large', { where: path, facts });
  });
}
