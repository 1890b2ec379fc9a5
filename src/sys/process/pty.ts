import { bind, checked } from '../libc.ts';

const ioctlBuffer = bind<[number, number, Buffer]>('int ioctl(int fd, unsigned long request, void *argument)');

const TIOCSWINSZ = 0x5414;
const TIOCGPTN = 0x8004_5430;
const TIOCSPTLCK = 0x4004_5431;

/** Unlocks the terminal of a master, and returns its number: the N of /dev/pts/N. ioctl_tty(2). @throws SYSTEM_CALL */
export function unlockTerminal(master: number): number {
  checked(ioctlBuffer(master, TIOCSPTLCK, Buffer.alloc(4)), 'ioctl(TIOCSPTLCK)');
  const number = Buffer.alloc(4);
  checked(ioctlBuffer(master, TIOCGPTN, number), 'ioctl(TIOCGPTN)');
  return number.readUInt32LE(0);
}

/** Sets the size of a terminal, in characters; its foreground processes get SIGWINCH. @throws SYSTEM_CALL */
export function setTerminalSize(terminal: number, columns: number, rows: number): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  checked(ioctlBuffer(terminal, TIOCSWINSZ, size), 'ioctl(TIOCSWINSZ)');
}
