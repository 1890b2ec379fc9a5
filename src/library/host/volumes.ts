import type { Context } from '../../events.ts';
import type { ContainersContext, StorePlace } from '../../verbs/places.ts';
import {
  createVolume as create,
  inspectVolume as inspect,
  listVolumes as list,
  pruneVolumes as prune,
  removeVolume as remove,
  type Volume,
  type VolumeFilters,
} from '../../verbs/volumes/manage-volumes.ts';
import { placeOf } from '../container/place.ts';
import { type Checks, checkOptions, flag, objectOf, text, texts, values } from '../options/check-options.ts';
import { STORE_CHECKS } from '../options/context-checks.ts';

/** Where volumes are. */
export interface VolumeOptions extends StorePlace, Context {}

/** How {@link createVolume} makes a volume. */
export interface CreateVolumeOptions extends VolumeOptions {
  /** Made up when absent. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** How {@link removeVolume} removes a volume. */
export interface RemoveVolumeOptions extends VolumeOptions {
  /** Whether a volume that does not exist is no error. Default false. */
  readonly force?: boolean | undefined;
}

/** Which volumes {@link pruneVolumes} removes. */
export interface PruneVolumesOptions extends VolumeOptions {
  /** Whether volumes whose names were given are removed too. Default false. */
  readonly all?: boolean | undefined;
  readonly filters?: VolumeFilters | undefined;
}

const CREATE_CHECKS: Checks<CreateVolumeOptions> = { ...STORE_CHECKS, name: text, labels: values };
const FILTER_CHECKS: Checks<VolumeFilters> = { name: texts, label: texts, dangling: flag };

function contextOf({ root, signal, onEvent }: VolumeOptions): ContainersContext {
  return { stateRoot: placeOf(root).stateRoot, signal, onEvent };
}

/** Labels as they are kept: a program without types may give numbers, and values that are undefined. */
function textsOf(labels: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/**
 * Makes a volume, which outlives containers: `volumes: [{ source: NAME, target: '/data' }]`. One that exists stays.
 * @param given options, or the name alone
 * @throws USAGE, STORE_INVALID, FILESYSTEM
 * @example
 * const { name } = await createVolume({ name: 'data' });
 */
export async function createVolume(given: string | CreateVolumeOptions = {}): Promise<Volume> {
  const options = typeof given === 'string' ? { name: given } : given;
  checkOptions('createVolume', options, CREATE_CHECKS);
  const { name, labels, ...place } = options;
  return await create(name, { labels: labels && textsOf(labels) }, contextOf(place));
}

/** Lists volumes. @throws STORE_INVALID, FILESYSTEM */
export async function listVolumes(options: VolumeOptions & VolumeFilters = {}): Promise<readonly Volume[]> {
  checkOptions('listVolumes', options, { ...STORE_CHECKS, ...FILTER_CHECKS });
  const { name, label, dangling } = options;
  return await list({ name, label, dangling }, contextOf(options));
}

/** Returns a volume by its name. @throws VOLUME_NOT_FOUND, STORE_INVALID */
export async function inspectVolume(name: string, options: VolumeOptions = {}): Promise<Volume> {
  text('name', name);
  checkOptions('inspectVolume', options, STORE_CHECKS);
  return await inspect(name, contextOf(options));
}

/** Removes a volume with its files. @throws VOLUME_NOT_FOUND, VOLUME_IN_USE, STORE_INVALID, FILESYSTEM */
export async function removeVolume(name: string, options: RemoveVolumeOptions = {}): Promise<void> {
  text('name', name);
  checkOptions('removeVolume', options, { ...STORE_CHECKS, force: flag });
  await remove(name, { force: options.force }, contextOf(options));
}

/** Removes volumes that no container has. Resolves with their names. @throws STORE_INVALID, FILESYSTEM */
export async function pruneVolumes(options: PruneVolumesOptions = {}): Promise<readonly string[]> {
  checkOptions('pruneVolumes', options, { ...STORE_CHECKS, all: flag, filters: objectOf(FILTER_CHECKS) });
  return await prune({ all: options.all, filters: options.filters }, contextOf(options));
}
