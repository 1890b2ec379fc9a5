import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { TEMPORARY_PREFIX } from '../../store-layout.ts';
import { lockDescriptor } from '../../sys/file/lock.ts';

/** As `openStaging` names them, after the prefix. */
const STAGING = /^[0-9a-f]{12}$/;

/** Open and locked: nobody else takes it for abandoned, and whoever makes one of this name sees that it is not its own. */
export interface Abandoned {
  readonly name: string;
  readonly descriptor: number;
}

/** Where a staging directory has what its destination held, until that is replaced. */
const FORMER = 'old';
/** All that is ever made in one. */
const CONTENT: ReadonlySet<string> = new Set(['root', 'pool', FORMER]);

/** Whether a staging directory, which is open, has something that its destination held. */
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
    return undefined; // gone meanwhile, or somebody else's
  }
  try {
    const { uid, mode } = fstatSync(descriptor);
    // A directory of ours that somebody else has given such a name is none
    const isOurs = uid === process.geteuid?.() && (mode & 0o777) === 0o700;
    const isWhole = isOurs && readdirSync(`/proc/self/fd/${descriptor}`).every((entry) => CONTENT.has(entry));
    // What a destination held and lies nowhere else is for its owner to move back
    if (isWhole && !holdsFormer(descriptor) && lockDescriptor(descriptor, name)) return { name, descriptor };
  } catch {
    // It is left alone
  }
  closeSync(descriptor);
  return undefined;
}

/**
 * The staging directories in a directory that this user's killed unpacks have left: nobody holds their locks. To be closed by
 * their descriptors. None where the directory cannot be read.
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
