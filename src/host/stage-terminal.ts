import { closeSync, constants } from 'node:fs';
import { openInRoot } from '../sys/open-in-root.ts';
import { unlockTerminal } from '../sys/pty.ts';
import { bindConsole } from './stage-mounts.ts';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;

/**
 * Opens a terminal on the container's own devpts, so that its name there (/dev/pts/0) is true; it also becomes /dev/console.
 * `handOver` lets the caller fetch the master's descriptor before it is closed here.
 */
export function openContainerTerminal(rootFd: number, handOver: (master: number) => void): number {
  const master = openInRoot(rootFd, '/dev/pts/ptmx', { flags: FLAGS, links: 'never' });
  const name = `/dev/pts/${unlockTerminal(master)}`;
  const terminal = openInRoot(rootFd, name, { flags: FLAGS, links: 'never' });
  bindConsole(rootFd, name);
  handOver(master);
  closeSync(master);
  return terminal;
}
