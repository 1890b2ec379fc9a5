import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { containersFolder, removeTreeOf } from '../../host/state/container.ts';
import { recordEvent } from '../../host/state/events-file.ts';
import { listContainers } from '../../host/state/find-container.ts';
import { hasLabel } from '../../launch/options/labels.ts';
import { checkVolumeName } from '../../launch/options/volumes.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import { TRASH_PREFIX, VOLUME_NAME } from '../../store-layout.ts';
import { randomHex } from '../../sys/random.ts';
import type { ContainersContext } from '../places.ts';
import {
  ensureVolume,
  lockVolumes,
  readVolume,
  type VolumeRecord,
  volumeNames,
  volumesFolder,
} from './named-volumes.ts';
import { namedMounts } from './use-volumes.ts';

/** A volume with a name, as lists show it. */
export interface Volume {
  readonly name: string;
  /** The directory of its files on the host. */
  readonly mountpoint: string;
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether its name was made up. */
  readonly anonymous: boolean;
  /** The names of the containers that have it, running or not. */
  readonly containers: readonly string[];
}

/** Which volumes are listed or removed; docker's filters. */
export interface VolumeFilters {
  /** A part of the name. */
  readonly name?: readonly string[] | undefined;
  /** `NAME`, or `NAME=value`; all must match. */
  readonly label?: readonly string[] | undefined;
  /** Whether no container has it. */
  readonly dangling?: boolean | undefined;
}

const FILTERS = 'name=TEXT, label=NAME[=VALUE], dangling=true or false, or driver=local';

/** Parses docker's `--filter KEY=VALUE`. @throws USAGE */
export function parseVolumeFilters(texts: readonly string[]): VolumeFilters {
  const name: string[] = [];
  const label: string[] = [];
  let dangling: boolean | undefined;
  for (const text of texts) {
    const [, key, value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
    if (key === 'name') name.push(value);
    else if (key === 'label') label.push(value);
    else if (key === 'dangling' && /^(true|false|1|0)$/.test(value)) dangling = value === 'true' || value === '1';
    else if (key !== 'driver' || value !== 'local')
      throw new TsimgError('USAGE', 'not a filter', { where: text, hint: FILTERS });
  }
  return { name, label, dangling };
}

function matches(volume: Volume, { name = [], label = [], dangling }: VolumeFilters): boolean {
  return (
    (name.length === 0 || name.some((part) => volume.name.includes(part))) &&
    label.every((text) => hasLabel(volume.labels, text)) &&
    (dangling === undefined || dangling === (volume.containers.length === 0))
  );
}

/** The names of the containers of each volume. */
async function users({ stateRoot, onEvent }: ContainersContext): Promise<ReadonlyMap<string, readonly string[]>> {
  const used = new Map<string, string[]>();
  const containers = await listContainers(containersFolder(stateRoot), ({ message }) =>
    onEvent?.({ kind: 'warning', message }),
  );
  for (const { record } of containers) {
    for (const { volume } of namedMounts(record.plan)) used.set(volume, [...(used.get(volume) ?? []), record.name]);
  }
  return used;
}

function volumeOf(folder: string, record: VolumeRecord, containers: readonly string[] = []): Volume {
  const { name, created, labels, anonymous } = record;
  return { name, mountpoint: join(folder, name, VOLUME_NAME.data), created, labels, anonymous, containers };
}

function notFound(name: string): TsimgError {
  return new TsimgError('VOLUME_NOT_FOUND', 'no such volume', {
    where: name,
    hint: 'tsimg volume ls lists all volumes',
  });
}

/**
 * Makes a volume; one that exists stays as it is, as with docker. Resolves with it.
 * @param name made up when absent
 * @throws USAGE, FILESYSTEM, STORE_INVALID
 */
export async function createVolume(
  name: string | undefined,
  { labels = {} }: { readonly labels?: Readonly<Record<string, string>> | undefined },
  context: ContainersContext,
): Promise<Volume> {
  const folder = volumesFolder(context.stateRoot);
  const chosen = checkVolumeName(name ?? randomHex(32));
  await using _lock = await lockVolumes(context.stateRoot, 'exclusive', context);
  const wanted = { name: chosen, labels, anonymous: name === undefined };
  return volumeOf(folder, await ensureVolume(folder, wanted, context), (await users(context)).get(chosen));
}

/** Lists volumes by name. A damaged one is a warning. @throws FILESYSTEM */
export async function listVolumes(filters: VolumeFilters, context: ContainersContext): Promise<readonly Volume[]> {
  const folder = volumesFolder(context.stateRoot);
  const used = await users(context);
  const found = (await volumeNames(folder)).flatMap((name) => {
    try {
      const record = readVolume(folder, name);
      return record === undefined ? [] : [volumeOf(folder, record, used.get(name))];
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      context.onEvent?.({ kind: 'warning', message: error.message });
      return [];
    }
  });
  return found.filter((volume) => matches(volume, filters));
}

/** Finds a volume by its whole name. @throws VOLUME_NOT_FOUND, STORE_INVALID */
export async function inspectVolume(name: string, context: ContainersContext): Promise<Volume> {
  const folder = volumesFolder(context.stateRoot);
  const record = readVolume(folder, name);
  if (record === undefined) throw notFound(name);
  return volumeOf(folder, record, (await users(context)).get(name));
}

/** Removes a volume that no container has; the caller holds the lock of all volumes alone. */
async function removeFiles(folder: string, { name, idMap }: Pick<VolumeRecord, 'name' | 'idMap'>): Promise<void> {
  const gone = join(folder, `${TRASH_PREFIX}${name}`);
  const facts = probeHost();
  const maps = idMap ?? storedMap(planUserNamespace(facts, undefined));
  await removeTreeOf(gone, maps, facts.tools);
  await rename(join(folder, name), gone);
  await removeTreeOf(gone, maps, facts.tools);
  recordEvent(dirname(folder), { type: 'volume', action: 'destroy', id: name, attributes: { driver: 'local' } });
}

/**
 * Removes a volume with its files.
 * @param force whether a volume that does not exist is no error
 * @throws VOLUME_NOT_FOUND, VOLUME_IN_USE, FILESYSTEM, LAUNCH_FAILED
 */
export async function removeVolume(
  name: string,
  { force = false }: { readonly force?: boolean | undefined },
  context: ContainersContext,
): Promise<void> {
  const folder = volumesFolder(context.stateRoot);
  await using _lock = await lockVolumes(context.stateRoot, 'exclusive', context);
  const record = readVolume(folder, name);
  if (record === undefined && force) return;
  if (record === undefined) throw notFound(name);
  const containers = (await users(context)).get(name) ?? [];
  if (containers.length > 0) {
    throw new TsimgError('VOLUME_IN_USE', 'the volume is used by a container', {
      where: name,
      why: containers.join(', '),
      hint: 'remove that container first (tsimg rm)',
      facts: { containers },
    });
  }
  await removeFiles(folder, record);
}

/**
 * Removes volumes that no container has: those whose names were made up, or with `all` every one. Resolves with their
 * names.
 * @throws FILESYSTEM, LAUNCH_FAILED
 */
export async function pruneVolumes(
  { all = false, filters = {} }: { readonly all?: boolean | undefined; readonly filters?: VolumeFilters | undefined },
  context: ContainersContext,
): Promise<readonly string[]> {
  const folder = volumesFolder(context.stateRoot);
  await using _lock = await lockVolumes(context.stateRoot, 'exclusive', context);
  const unused = await listVolumes({ ...filters, dangling: true }, context);
  const removed = unused.filter(({ anonymous }) => all || anonymous);
  for (const { name } of removed) await removeFiles(folder, readVolume(folder, name) ?? { name, idMap: undefined });
  return removed.map(({ name }) => name);
}
