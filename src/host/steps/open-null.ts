import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { O_CLOEXEC } from '../../sys/file/open-how.ts';
import { openInRoot, statusOf } from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';

/** Another file of that name, a device on a volume that shows none, or nothing at all. */
const NO_NULL: readonly string[] = [
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EACCES',
  'EPERM',
  'ENXIO',
  'ENODEV',
  'EISDIR',
  'EROFS',
];

/** The container's null device; undefined where what is mounted on /dev has none that works. */
function findNull(stub: Stub, rootFd: number): number | undefined {
  const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY;
  let fd: number;
  try {
    fd = openInRoot(stub, rootFd, '/dev/null', { flags, links: 'never' });
  } catch (error) {
    if (NO_NULL.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  const { kind, major, minor } = statusOf(stub, fd);
  if (kind === 'character-device' && major === 1 && minor === 3) return fd;
  stub.later({ name: 'close', args: [fd] });
  return undefined;
}

/**
 * The container's own null device, by a descriptor of a stub: through the host's, its root could change the device.
 * @throws LAUNCH_FAILED where it has none
 */
export function openNull(stub: Stub, rootFd: number): number {
  const fd = findNull(stub, rootFd);
  if (fd !== undefined) return fd;
  throw new TsimgError('LAUNCH_FAILED', 'the container has no null device', {
    where: '/dev/null',
    why: 'what is mounted on /dev has none, or it does not work there',
    hint: 'mount below /dev instead, or run the container with --privileged',
  });
}

/** An input that is at its end: the null device, or a pipe that nobody writes to where the container has none. */
export function openEmptyInput(stub: Stub, rootFd: number): number {
  const device = findNull(stub, rootFd);
  if (device !== undefined) return device;
  const fds = Buffer.alloc(8);
  stub.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  stub.call('close', [fds.readInt32LE(4)]);
  return fds.readInt32LE(0);
}
