// The ways to open a file: the flags of open(2) that node:fs has no name for, and the `struct open_how` of openat2(2).
// Both are the same on x86-64 and arm64.

import { errnoOf } from '../../errors.ts';

/** Opens a name without the right to read or write the file. open(2) */
export const O_PATH = 0o10000000;
/** Closes the descriptor when the process starts another program. open(2), fcntl(2), pipe2(2) */
export const O_CLOEXEC = 0o2000000;

/** Limits of where a path may lead. <linux/openat2.h> */
export const RESOLVE = { onOneMount: 0x01, noMagicLinks: 0x02, noSymlinks: 0x04, inRoot: 0x10 } as const;

const STRUCT_OPEN_HOW_SIZE = 24;

/** How often an open in a root is repeated after a rename disturbed it: others could rename for ever. */
const MAX_DISTURBED = 1000;

/** Returns the argument of openat2(2). @param flags of open(2); `O_CLOEXEC` is added @param resolve of `RESOLVE` */
export function openHow(flags: number, resolve: number): Buffer {
  const how = Buffer.alloc(STRUCT_OPEN_HOW_SIZE);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}

export interface OpenInRoot {
  /** Flags of open(2); `O_CLOEXEC` is added. */
  readonly flags: number;
  /** `inside`: links are followed within the root. `never`: a link anywhere on the way is ELOOP. */
  readonly links: 'inside' | 'never';
}

/**
 * Returns the argument of openat2(2) that opens a path as if the directory were the root: neither `..` nor a link leads
 * out, and links of /proc/self/fd are refused.
 */
export function openHowInRoot({ flags, links }: OpenInRoot): Buffer {
  const resolve = RESOLVE.inRoot | RESOLVE.noMagicLinks | (links === 'never' ? RESOLVE.noSymlinks : 0);
  return openHow(flags, resolve);
}

/**
 * Opens in a root, and tries again after EAGAIN: by that the kernel says that a rename or a mount on the host at the same
 * moment kept it from telling whether `..` leads out. openat2(2), "Errors".
 * @throws the error of `open`: EAGAIN when the disturbance does not end
 */
export function undisturbed<T>(open: () => T): T {
  for (let disturbed = 0; ; disturbed += 1) {
    try {
      return open();
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN' || disturbed === MAX_DISTURBED) throw error;
    }
  }
}
