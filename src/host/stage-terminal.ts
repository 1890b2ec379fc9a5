import { constants } from 'node:fs';
import { openBeneath } from '../sys/hand/files.ts';
import type { Hand } from '../sys/hand/hand.ts';
import { unlockTerminal } from '../sys/hand/terminals.ts';
import { bindConsole } from './stage-mounts.ts';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;

/**
 * Opens a terminal on the container's own devpts, so that its name there (/dev/pts/0) is true; it also becomes /dev/console.
 * `handOver` takes a copy of the master, by its number in the hand, before it is closed there.
 */
export function openContainerTerminal(hand: Hand, rootFd: number, handOver: (master: number) => void): number {
  const master = openBeneath(hand, rootFd, '/dev/pts/ptmx', { flags: FLAGS, links: 'never' });
  const name = `/dev/pts/${unlockTerminal(hand, master)}`;
  const terminal = openBeneath(hand, rootFd, name, { flags: FLAGS, links: 'never' });
  bindConsole(hand, rootFd, name);
  handOver(master);
  hand.call('close', [master]);
  return terminal;
}
