import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { CONTAINERS_NAME } from '../../store-layout.ts';
import { acquireLock, type Lock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { NAME_ADJECTIVES, NAME_NOUNS } from './name-words.data.ts';

// A name is a symbolic link `names/NAME` to the container's ID. Making a link is atomic, so no two containers get the
// same name.

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

function linkPath(folder: string, name: string): string {
  return join(folder, CONTAINERS_NAME.names, name);
}

/** Returns the ID of the container with a name; undefined where the name is free. @param folder of all containers */
export function idOfName(folder: string, name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  try {
    return readlinkSync(linkPath(folder, name));
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Frees a name, if it is this container's. */
export function releaseName(folder: string, name: string, id: string): void {
  if (idOfName(folder, name) !== id) return;
  try {
    unlinkSync(linkPath(folder, name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Takes the lock of all names, under which also records with names are changed. @throws FILESYSTEM, SYSTEM_CALL */
export async function lockNames(folder: string): Promise<Lock> {
  return acquireLock(join(folder, CONTAINERS_NAME.namesLock), 'exclusive');
}

/** Frees the names of removed containers. @throws Node's errors of the file system */
export async function sweepNames(folder: string): Promise<void> {
  const names = await readdir(join(folder, CONTAINERS_NAME.names)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  await using _lock = await lockNames(folder);
  for (const name of names) {
    const holder = idOfName(folder, name);
    if (holder !== undefined && (await isGone(folder, holder))) releaseName(folder, name, holder);
  }
}

/** Checks a name by docker's grammar. @throws USAGE */
export function checkContainerName(name: string): string {
  if (NAME.test(name)) return name;
  throw new TsimgError('USAGE', 'not a container name', {
    where: name,
    hint: 'letters, digits, underscores, periods and hyphens, at most 128, a letter or digit first',
  });
}

function tryClaim(folder: string, name: string, id: string): boolean {
  try {
    symlinkSync(id, linkPath(folder, name));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isGone(folder: string, id: string | undefined): Promise<boolean> {
  if (id === undefined) return true;
  return stat(join(folder, id)).then(
    () => false,
    (error) => errnoOf(error) === 'ENOENT',
  );
}

/** Invents a name of two words, such as `brave_otter`. */
function inventName(): string {
  const pick = (words: readonly string[]) => words[Math.floor(Math.random() * words.length)] ?? 'container';
  return `${pick(NAME_ADJECTIVES)}_${pick(NAME_NOUNS)}`;
}

/**
 * Takes a name for a container, or invents one. The container's directory must exist already, for a name without a
 * container counts as free.
 *
 * @throws CONTAINER_EXISTS
 */
export async function claimName(folder: string, wanted: string | undefined, id: string): Promise<string> {
  makeDirectories(join(folder, CONTAINERS_NAME.names), 0o700);
  if (wanted === undefined) {
    for (let attempt = 0; ; attempt += 1) {
      const name = attempt < 20 ? inventName() : `${inventName()}_${id.slice(0, 8)}`;
      if (tryClaim(folder, name, id)) return name;
    }
  }
  if (tryClaim(folder, wanted, id)) return wanted;
  // Locked, so that no other process takes the name between the check and the removal.
  await using _lock = await lockNames(folder);
  await claimLocked(folder, wanted, id);
  return wanted;
}

/** Takes a name for a container; the caller holds the lock of all names. @throws CONTAINER_EXISTS */
export async function claimLocked(folder: string, wanted: string, id: string): Promise<void> {
  const holder = idOfName(folder, wanted);
  if (holder !== undefined && (await isGone(folder, holder))) releaseName(folder, wanted, holder);
  if (tryClaim(folder, wanted, id)) return;
  throw nameTaken(wanted, idOfName(folder, wanted) ?? '');
}

/** The error for a name of another container. */
export function nameTaken(name: string, holder: string): TsimgError {
  return new TsimgError('CONTAINER_EXISTS', 'the container name is taken', {
    where: name,
    why: `container ${holder.slice(0, 12)} has it`,
    hint: 'remove that one (tsimg rm), or choose another name',
  });
}
