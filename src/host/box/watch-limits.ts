import { constants, existsSync, readFileSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import { O_CLOEXEC } from '../../sys/file/open-how.ts';
import { closeCall, openPathCall, writeCall } from '../../sys/stub/call/file-calls.ts';
import { openPath, withDescriptor, writeAll } from '../../sys/stub/call/files.ts';
import type { Stub } from '../../sys/stub/stub.ts';

// The kernel charges what a user namespace's processes watch to the user who made the namespace, on the host: without a
// bound of its own, a box takes all of root's 128 inotify instances, or all of the user's desktop.

/** Limits by the names of their files. */
type WatchLimits = readonly (readonly [name: string, most: number])[];

/** What all processes with the same ID of one user namespace may have. inotify(7), fanotify(7) */
const LIMITS: WatchLimits = [
  ['max_inotify_instances', 16],
  ['max_inotify_watches', 8192],
  ['max_fanotify_groups', 0],
  ['max_fanotify_marks', 0],
];

/** All boxes of a holder may have 1/REST of what this process's user may have. */
const REST = 2;

/**
 * Returns the limits for all boxes of one holder together: half of what its user may have, and no less than one box may
 * have. Boxes that start later may find less left.
 */
export function shareOfAll(): WatchLimits {
  return LIMITS.map(([name, most]) => {
    const path = `/proc/sys/user/${name}`;
    const all = existsSync(path) ? Number(readFileSync(path, 'latin1')) : 0;
    return [name, most === 0 ? 0 : Math.max(most, Math.floor(all / REST))];
  });
}

/** The kernel is older than this limit, or /proc/sys of the program's own container cannot be written. */
const UNAVAILABLE = ['ENOENT', 'EROFS', 'EACCES'];

/** Sets all limits by one request; false where one of them cannot be set. */
function limitAll(stub: Stub, limits: WatchLimits): boolean {
  const calls = limits.flatMap(([name, most]) => {
    const file = openPathCall(`/proc/sys/user/${name}`, constants.O_WRONLY | O_CLOEXEC);
    return [file, writeCall(file, Buffer.from(String(most))), closeCall(file)];
  });
  const performed = stub.perform(calls);
  return performed !== undefined && performed.result >= 0;
}

/**
 * Bounds what may be watched in the stub's user namespace, of which it is root: the kernel takes these files for that
 * of the process that opens them. user_namespaces(7), "/proc/sys/user". @throws SYSTEM_CALL
 */
export function limitWatches(stub: Stub, limits: WatchLimits = LIMITS): void {
  if (limitAll(stub, limits)) return;
  for (const [name, most] of limits) {
    let fd: number;
    try {
      fd = openPath(stub, `/proc/sys/user/${name}`, constants.O_WRONLY | O_CLOEXEC);
    } catch (error) {
      if (!UNAVAILABLE.includes(errnoOf(error) ?? '')) throw error;
      continue;
    }
    withDescriptor(stub, fd, () => writeAll(stub, fd, Buffer.from(String(most)), name));
  }
}
