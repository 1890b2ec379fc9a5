import { constants } from 'node:fs';
import { openBeneath } from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';
import { unlockTerminal } from '../sys/hand/terminals.ts';
import { bindConsole } from './stage-mounts.ts';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;

/** A terminal that a hand has open, and its name in the container. */
interface Terminal {
  readonly fd: number;
  readonly name: string;
}

/**
 * Opens a terminal on the container's own devpts, so that its name there (/dev/pts/0) is true. `handOver` takes a copy of the
 * master, by its number in the hand, before it is closed there.
 */
export function openTerminal(hand: Hand, rootFd: number, handOver: (master: number) => void): Terminal {
  const master = openBeneath(hand, rootFd, '/dev/pts/ptmx', { flags: FLAGS, links: 'never' });
  const name = `/dev/pts/${unlockTerminal(hand, master)}`;
  const fd = openBeneath(hand, rootFd, name, { flags: FLAGS, links: 'never' });
  handOver(master);
  hand.call('close', [master]);
  return { fd, name };
}

/** The same for the container's first process: it also becomes /dev/console. */
export function openContainerTerminal(hand: Hand, rootFd: number, handOver: (master: number) => void): number {
  const { fd, name } = openTerminal(hand, rootFd, handOver);
  bindConsole(hand, rootFd, name);
  return fd;
}
