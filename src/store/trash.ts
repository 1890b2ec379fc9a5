import { randomBytes } from 'node:crypto';
import { readlink, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import {
  CONTAINER_ID,
  CONTAINER_NAME,
  LAYER_CHAIN,
  LAYERS_KEY,
  LAYERS_LOCK,
  STORE_NAME,
  TEMPORARY_PREFIX,
  TRASH_PREFIX,
} from '../store-layout.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { tryLock } from '../sys/file/lock.ts';
import { namesIn } from './list-folder.ts';
import type { Store } from './open.ts';

/**
 * Directories that are not needed any more, under names that are not used otherwise. The holder of `sweepLock` removes
 * them.
 */
export interface Trash {
  readonly paths: readonly string[];
  /** Complete layers and containers among them. The others are leftovers of interrupted work. */
  readonly layers: number;
  readonly containers: number;
}

/**
 * Renames a directory within its folder: the directory of a layer may belong to a subordinate ID, and only its owner
 * could move it to another folder.
 */
async function moveToTrash(folder: string, name: string): Promise<string> {
  const path = join(folder, `${TRASH_PREFIX}${randomBytes(8).toString('hex')}`);
  try {
    await rename(join(folder, name), path);
  } catch (error) {
    throw filesystemError('cannot move a leftover to the trash', join(folder, name), error);
  }
  return path;
}

/** Lists `KEY/CHAIN` of each layer that a container uses. */
async function layersOf(container: string): Promise<readonly string[]> {
  const links = join(container, CONTAINER_NAME.lowers);
  const layers: string[] = [];
  for (const name of await namesIn(links)) {
    try {
      const target = await readlink(join(links, name));
      layers.push(`${basename(dirname(target))}/${basename(target)}`);
    } catch (error) {
      const errno = errnoOf(error);
      // EINVAL: a container without layers has directories there. ENOENT: it is being removed.
      if (errno !== 'EINVAL' && errno !== 'ENOENT') throw filesystemError('cannot read a link', links, error);
    }
  }
  return layers;
}

interface Containers {
  readonly paths: readonly string[];
  readonly containers: number;
  /** Layers of the containers that stay. */
  readonly used: ReadonlySet<string>;
}

/** The treatment of a container that goes to the trash. Its lock is held. */
export interface ContainerRules {
  /** Ends the container's processes; false where that is impossible: the container stays. */
  readonly endProcesses: (container: { readonly id: string; readonly directory: string }) => Promise<boolean>;
  /** Called with the container's directory in the trash. */
  readonly onTrashed: (directory: string) => void;
}

/** The containers that go to the trash, and their treatment. */
export interface TrashRules extends ContainerRules {
  /** Whether ended containers that are kept until a user removes them go too. */
  readonly ended: boolean;
}

async function trashContainers(
  { containers: folder }: Store,
  limit: number,
  { ended, endProcesses, onTrashed }: TrashRules,
): Promise<Containers> {
  const used = new Set<string>();
  const paths: string[] = [];
  let containers = 0;
  for (const name of await namesIn(folder)) {
    if (paths.length >= limit) break;
    if (name.startsWith(TEMPORARY_PREFIX)) paths.push(join(folder, name));
    if (!CONTAINER_ID.test(name)) continue;
    const path = join(folder, name);
    const held = await tryLock(join(path, CONTAINER_NAME.lock), 'exclusive').catch((error: unknown) => {
      // It was removed since the folder was listed.
      if (error instanceof TsimgError && errnoOf(error.cause) === 'ENOENT') return null;
      // It belongs to another user, or is damaged: it stays, and listing the containers shows it.
      if (error instanceof TsimgError && error.code === 'FILESYSTEM') return null;
      throw error;
    });
    if (held === null) continue;
    await using lock = held;
    const stays = async () => !ended && (await namesIn(path)).includes(CONTAINER_NAME.kept);
    if (lock === undefined || (await stays()) || !(await endProcesses({ id: name, directory: path }))) {
      for (const layer of await layersOf(path)) used.add(layer);
      continue;
    }
    const trashed = await moveToTrash(folder, name);
    onTrashed(trashed);
    paths.push(trashed);
    containers += 1;
  }
  return { paths, containers, used };
}

/**
 * Moves at most `limit` leftovers of containers whose tsimg is gone to the trash. Undefined when a container is being
 * made.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function trashLeftovers(store: Store, limit: number, rules: ContainerRules): Promise<Trash | undefined> {
  await using lock = await tryLock(store.containersLock, 'exclusive');
  if (lock === undefined) return undefined;
  const { paths, containers } = await trashContainers(store, limit, { ...rules, ended: false });
  return { paths, containers, layers: 0 };
}

/** Removes kept entries of layers that are gone, and files of killed writers. */
async function removeEntries(folder: string, layers: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!layers.has(name)) await rm(join(folder, name), { force: true });
  }
}

/**
 * Moves leftovers of containers and of unpacking to the trash, and the layers that no container uses and that are not
 * in `needed` (chain IDs without their algorithm; `all` where they are unknown). With `rules.ended`, moves all ended
 * containers too. Undefined when a container is being made.
 * @throws FILESYSTEM, SYSTEM_CALL
 */
export async function trashGarbage(
  store: Store,
  needed: ReadonlySet<string> | 'all',
  rules: TrashRules,
): Promise<Trash | undefined> {
  await using lock = await tryLock(store.containersLock, 'exclusive');
  if (lock === undefined) return undefined;
  const { paths: leftovers, containers, used } = await trashContainers(store, Number.POSITIVE_INFINITY, rules);
  const paths = [...leftovers];
  let layers = 0;
  for (const key of (await namesIn(store.layers)).filter((name) => LAYERS_KEY.test(name))) {
    const folder = join(store.layers, key);
    await using unpacking = await tryLock(join(folder, LAYERS_LOCK), 'exclusive');
    if (unpacking === undefined) continue;
    for (const name of await namesIn(folder)) {
      if (name.startsWith(TEMPORARY_PREFIX)) paths.push(join(folder, name));
      if (!LAYER_CHAIN.test(name) || needed === 'all' || needed.has(name) || used.has(`${key}/${name}`)) continue;
      paths.push(await moveToTrash(folder, name));
      layers += 1;
    }
    await removeEntries(join(store.root, STORE_NAME.entries, key), new Set(await namesIn(folder)));
  }
  return { paths, containers, layers };
}
