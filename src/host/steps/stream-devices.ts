import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { O_CLOEXEC } from '../../sys/file/open-how.ts';
import { makeFile, type OpenedFile, openInRoot, openWithStatus, withDescriptor } from '../../sys/stub/call/files.ts';
import { unlockTerminal } from '../../sys/stub/call/terminals.ts';
import { bindOnto } from './mounts.ts';
import { findPlace, makePlace, type StubRoot } from './root.ts';

/**
 * Errors that mean: no working null device. Another file has its name, its volume allows no devices, or it is missing.
 */
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

/** Opens the container's null device; undefined where /dev has none that works. */
function findNull(root: StubRoot): number | undefined {
  const { stub } = root;
  const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY;
  let opened: OpenedFile;
  try {
    opened = openWithStatus(stub, root.fd, '/dev/null', { flags, links: 'never' });
  } catch (error) {
    if (NO_NULL.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  const { fd, status } = opened;
  const { kind, major, minor } = status;
  if (kind === 'character-device' && major === 1 && minor === 3) return fd;
  stub.later({ name: 'close', args: [fd] });
  return undefined;
}

/**
 * Opens the container's own null device. With the host's, the container's root could change the mode of the host's
 * device.
 * @throws LAUNCH_FAILED where the container has none
 */
export function openNull(root: StubRoot): number {
  const fd = findNull(root);
  if (fd !== undefined) return fd;
  throw new TsimgError('LAUNCH_FAILED', 'the container has no null device', {
    where: '/dev/null',
    why: 'what is mounted on /dev has none, or it does not work there',
    hint: 'mount below /dev instead, or run the container with --privileged',
  });
}

/** Opens an input at its end: the null device, or a pipe without a writer where the container has no null device. */
export function openEmptyInput(root: StubRoot): number {
  const device = findNull(root);
  if (device !== undefined) return device;
  const { stub } = root;
  const fds = Buffer.alloc(8);
  stub.call('pipe2', [{ receive: fds }, O_CLOEXEC]);
  stub.call('close', [fds.readInt32LE(4)]);
  return fds.readInt32LE(0);
}

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;

/** A terminal, open in a stub. */
interface Terminal {
  readonly fd: number;
  /** Its path in the container. */
  readonly name: string;
}

/** Opens the master of a new terminal. @throws LAUNCH_FAILED where a mount on /dev or /dev/pts has no terminals */
function openMaster({ stub, fd }: StubRoot): number {
  const where = '/dev/pts/ptmx';
  try {
    return openInRoot(stub, fd, where, { flags: FLAGS, links: 'never' });
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    const why = 'what is mounted on /dev or /dev/pts has none, or they do not work there';
    const hint = 'leave out -t, or mount below /dev instead';
    throw new TsimgError('LAUNCH_FAILED', 'the container has no terminals', { where, why, hint, cause });
  }
}

/**
 * Opens a terminal on the container's own devpts, so that its name (/dev/pts/0) exists in the container. `handOver`
 * takes a copy of the master, by its number in the stub, before the stub closes it.
 */
export function openTerminal(root: StubRoot, handOver: (master: number) => void): Terminal {
  const { stub } = root;
  const master = openMaster(root);
  const name = `/dev/pts/${unlockTerminal(stub, master)}`;
  const fd = openInRoot(stub, root.fd, name, { flags: FLAGS, links: 'never' });
  handOver(master);
  stub.call('close', [master]);
  return { fd, name };
}

/** Binds the terminal to a new file, /dev/console. */
function bindConsole(root: StubRoot, terminal: string): void {
  const { stub } = root;
  makePlace(root, '/dev/console', (place) => makeFile(place, 0o600, new Uint8Array()));
  const source = findPlace(root, terminal, 'never');
  const place = findPlace(root, '/dev/console', 'never');
  if (source === undefined || place === undefined)
    throw new TsimgError('LAUNCH_FAILED', 'no terminal', { where: terminal });
  withDescriptor(stub, source, () =>
    withDescriptor(stub, place, () => bindOnto(stub, source, { place, where: '/dev/console' })),
  );
}

/** Opens the terminal of the container's first process, which is /dev/console too. @throws as `openTerminal` */
export function openContainerTerminal(root: StubRoot, handOver: (master: number) => void): number {
  const { fd, name } = openTerminal(root, handOver);
  bindConsole(root, name);
  return fd;
}
