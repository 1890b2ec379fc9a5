import { bind, checked } from '../libc.ts';

const ioctlBuffer = bind<[number, number, Buffer]>('int ioctl(int fd, unsigned long request, void *argument)');

const TCGETS = 0x5401;
const TCSETS = 0x5402;
/** The size of the kernel's struct termios, and where its output flags are: bytes. termios(3) */
const TERMIOS_BYTES = 36;
const OUTPUT_FLAGS = 4;
const OPOST = 1;
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

/**
 * Lets a terminal show its output as it is: a line feed is not made a carriage return and a line feed.
 * @throws SYSTEM_CALL
 */
export function passOutputAsIs(terminal: number): void {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  checked(ioctlBuffer(terminal, TCGETS, termios), 'ioctl(TCGETS)');
  termios.writeUInt32LE((termios.readUInt32LE(OUTPUT_FLAGS) & ~OPOST) >>> 0, OUTPUT_FLAGS);
  checked(ioctlBuffer(terminal, TCSETS, termios), 'ioctl(TCSETS)');
}
