import { callError, type Hand } from '../stub.ts';

/** <linux/sched.h>; unshare(2), setns(2). */
export const CLONE_NEW = {
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
  time: 0x80,
} as const;

export type NamespaceName = keyof typeof CLONE_NEW;

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** struct ifreq: 16 bytes of name, then a union. */
const IFREQ_SIZE = 40;

/** Moves the hand to new namespaces; those of PIDs and time are for its children. unshare(2). @throws SYSTEM_CALL */
export function makeNamespaces(hand: Hand, names: readonly NamespaceName[]): void {
  const flags = names.reduce((all, name) => all | CLONE_NEW[name], 0);
  const outcome = hand.attempt([{ name: 'unshare', args: [flags] }]);
  if (outcome !== undefined && outcome.result < 0) {
    throw callError(`unshare(${names.map((name) => `CLONE_NEW${name.toUpperCase()}`).join('|')})`, outcome.result);
  }
}

/** Moves the hand to a namespace that is open. setns(2). @throws SYSTEM_CALL */
export function joinNamespace(hand: Hand, fd: number, name: NamespaceName, where: string): void {
  hand.later({ name: 'setns', args: [fd, CLONE_NEW[name]], where });
}

/** A process by descriptor: what it names can never become another. pidfd_open(2). @throws SYSTEM_CALL with `facts.errno` ESRCH */
export function openProcess(hand: Hand, pid: number): number {
  return hand.call('pidfd_open', [pid, 0], String(pid));
}

/**
 * Moves the hand to namespaces of the process that a pidfd holds, all at once; those of PIDs and time are for its children. setns(2), Linux 5.8.
 * @throws SYSTEM_CALL with `facts.errno` ESRCH where the process is gone
 */
export function joinNamespacesOf(hand: Hand, process: number, names: readonly NamespaceName[]): void {
  if (names.length === 0) return;
  const flags = names.reduce((all, name) => all | CLONE_NEW[name], 0);
  hand.call('setns', [process, flags], names.join(', '));
}

/** sethostname(2). @throws SYSTEM_CALL */
export function setHostname(hand: Hand, name: string): void {
  hand.later({ name: 'sethostname', args: [Buffer.from(name), Buffer.byteLength(name)], where: name });
}

/** Brings lo up, which a new network namespace has down. netdevice(7). @throws SYSTEM_CALL */
export function raiseLoopback(hand: Hand): void {
  const socket = hand.call('socket', [AF_INET, SOCK_DGRAM_CLOEXEC, 0]);
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write('lo');
  hand.call('ioctl', [socket, SIOCGIFFLAGS, { exchange: request }], 'lo');
  request.writeInt16LE(request.readInt16LE(16) | IFF_UP, 16);
  hand.later({ name: 'ioctl', args: [socket, SIOCSIFFLAGS, request], where: 'lo' });
  hand.later({ name: 'close', args: [socket] });
}
