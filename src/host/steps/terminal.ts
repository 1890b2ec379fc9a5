import { constants } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import { openInRoot } from '../../sys/stub/call/files.ts';
import { unlockTerminal } from '../../sys/stub/call/terminals.ts';
import type { Stub } from '../../sys/stub/stub.ts';
import { bindConsole } from './mounts.ts';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;

/** A terminal that a stub has open, and its name in the container. */
interface Terminal {
  readonly fd: number;
  readonly name: string;
}

/** What is mounted on /dev or /dev/pts may have no terminals. @throws LAUNCH_FAILED */
function openMaster(stub: Stub, rootFd: number): number {
  const where = '/dev/pts/ptmx';
  try {
    return openInRoot(stub, rootFd, where, { flags: FLAGS, links: 'never' });
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    const why = 'what is mounted on /dev or /dev/pts has none, or they do not work there';
    const hint = 'leave out -t, or mount below /dev instead';
    throw new TsimgError('LAUNCH_FAILED', 'the container has no terminals', { where, why, hint, cause });
  }
}

/**
 * Opens a terminal on the container's own devpts, so that its name there (/dev/pts/0) is true. `handOver` takes a copy of the
 * master, by its number in the stub, before it is closed there.
 */
export function openTerminal(stub: Stub, rootFd: number, handOver: (master: number) => void): Terminal {
  const master = openMaster(stub, rootFd);
  const name = `/dev/pts/${unlockTerminal(stub, master)}`;
  const fd = openInRoot(stub, rootFd, name, { flags: FLAGS, links: 'never' });
  handOver(master);
  stub.call('close', [master]);
  return { fd, name };
}

/** The same for the container's first process: it also becomes /dev/console. */
export function openContainerTerminal(stub: Stub, rootFd: number, handOver: (master: number) => void): number {
  const { fd, name } = openTerminal(stub, rootFd, handOver);
  bindConsole(stub, rootFd, name);
  return fd;
}
