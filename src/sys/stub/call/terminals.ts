import type { Stub } from '../stub.ts';

const TIOCSCTTY = 0x540e;
const TIOCGPTN = 0x8004_5430;
const TIOCSPTLCK = 0x4004_5431;

/** Unlocks the terminal of a master and returns its number: the N of /dev/pts/N. ioctl_tty(2) @throws SYSTEM_CALL */
export function unlockTerminal(stub: Stub, master: number): number {
  stub.call('ioctl', [master, TIOCSPTLCK, Buffer.alloc(4)]);
  const number = Buffer.alloc(4);
  stub.call('ioctl', [master, TIOCGPTN, { receive: number }]);
  return number.readUInt32LE(0);
}

/** Makes a terminal the controlling one of the stub's session. The stub must lead the session. @throws SYSTEM_CALL */
export function takeTerminal(stub: Stub, terminal: number): void {
  stub.call('ioctl', [terminal, TIOCSCTTY, 0]);
}
