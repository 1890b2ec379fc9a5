import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import { CONTAINER_ID, CONTAINER_NAME } from '../../store-layout.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { type FoundContainer, readContainer } from './container.ts';
import { idOfName } from './names.ts';
import { unreadable } from './record.ts';

/** The IDs of all container directories, including unfinished ones. @throws FILESYSTEM */
async function containerIds(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => CONTAINER_ID.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw filesystemError('cannot list the containers', folder, error);
  }
}

// Times of one form, compared as texts: localeCompare would load the tables of all languages.
function newestFirst(one: FoundContainer, other: FoundContainer): number {
  const [first, second] = [one.record.created, other.record.created];
  if (first === second) return 0;
  return first < second ? 1 : -1;
}

/** All containers, the newest first; `onDamaged` is called for each whose record cannot be read. @throws FILESYSTEM */
export async function listContainers(
  folder: string,
  onDamaged: (error: TsimgError) => void,
): Promise<readonly FoundContainer[]> {
  const found = await Promise.all(
    (await containerIds(folder)).map(async (id) => {
      try {
        return await readContainer(folder, id);
      } catch (error) {
        const known = error instanceof TsimgError && ['STORE_INVALID', 'CONTAINER_STATE'].includes(error.code);
        // A damaged container must not hide the others.
        onDamaged(known ? error : unreadable(join(folder, id, CONTAINER_NAME.record), error));
        return undefined;
      }
    }),
  );
  return found.filter((container) => container !== undefined).toSorted(newestFirst);
}

/**
 * Finds the ID of a container by its name, ID, or unique prefix of the ID; undefined where there is none.
 * @throws CONTAINER_AMBIGUOUS, FILESYSTEM
 */
export async function findId(folder: string, wanted: string): Promise<string | undefined> {
  const named = CONTAINER_ID.test(wanted) ? undefined : idOfName(folder, wanted);
  const matching = async () => (await containerIds(folder)).filter((id) => wanted !== '' && id.startsWith(wanted));
  const ids = named === undefined ? await matching() : [named];
  if (ids.length > 1) {
    throw new TsimgError('CONTAINER_AMBIGUOUS', 'several container IDs begin with this', {
      where: wanted,
      why: ids.map((id) => id.slice(0, 12)).join(', '),
      hint: 'give more of the ID',
      facts: { containers: ids },
    });
  }
  return ids[0];
}

/**
 * Finds a container by `findId`'s rules. @throws CONTAINER_NOT_FOUND, CONTAINER_AMBIGUOUS, STORE_INVALID, FILESYSTEM
 */
export async function findContainer(folder: string, wanted: string): Promise<FoundContainer> {
  const id = await findId(folder, wanted);
  const container = id === undefined ? undefined : await readContainer(folder, id);
  if (container !== undefined) return container;
  throw new TsimgError('CONTAINER_NOT_FOUND', 'no such container', {
    where: wanted,
    hint: 'tsimg ps -a lists all containers',
  });
}
