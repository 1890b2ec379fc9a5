import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { TEMPORARY_PREFIX } from '../../store-layout.ts';
import { lockDescriptor } from '../../sys/file/lock.ts';

/** The names that `openStaging` makes, after the prefix. */
const STAGING = /^[0-9a-f]{12}$/;

/**
 * An open and locked staging directory. The lock keeps other processes from removing it, and a process that makes a
 * directory of this name sees that it is not its own.
 */
export interface Abandoned {
  readonly name: string;
  readonly descriptor: number;
}

/** Holds the former content of the destination until it is replaced. */
const FORMER = 'old';
/** All names in a staging directory. */
const CONTENT: ReadonlySet<string> = new Set(['root', 'pool', FORMER]);

/** Whether an open staging directory holds former content of its destination. */
export function holdsFormer(descriptor: number): boolean {
  try {
    return readdirSync(`/proc/self/fd/${descriptor}/${FORMER}`).length > 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function isStaging(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX) && STAGING.test(name.slice(TEMPORARY_PREFIX.length));
}

function openAbandoned(directory: string, name: string): Abandoned | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(join(directory, name), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return undefined; // It is gone, or belongs to another user
  }
  try {
    const { uid, mode } = fstatSync(descriptor);
    // A directory of another kind may have such a name
    const isOurs = uid === process.geteuid?.() && (mode & 0o777) === 0o700;
    const isWhole = isOurs && readdirSync(`/proc/self/fd/${descriptor}`).every((entry) => CONTENT.has(entry));
    // The user moves the former content of a destination back by hand
    if (isWhole && !holdsFormer(descriptor) && lockDescriptor(descriptor, name) === 'locked')
      return { name, descriptor };
  } catch {
    // It stays
  }
  closeSync(descriptor);
  return undefined;
}

/**
 * Returns the staging directories that killed unpacks of this user left in a directory: no process holds their locks.
 * The caller closes the descriptors. Empty where the directory cannot be read.
 */
export function abandonedIn(directory: string): readonly Abandoned[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.filter(isStaging).flatMap((name) => openAbandoned(directory, name) ?? []);
}
