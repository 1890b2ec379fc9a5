import { readFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { type Check, fields, isFlag, isText, mapOf, optional } from '../../host/state/document-shape.ts';
import { recordEvent } from '../../host/state/events-file.ts';
import { isIdMap, replaceJson } from '../../host/state/record.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { checkVolumeName } from '../../launch/options/volumes.ts';
import { STORE_NAME, VOLUME_NAME } from '../../store-layout.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { acquireLock, type Lock, type LockMode } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';

// A volume with a name is ROOT/volumes/NAME: its record, and its files in `data`. The maker of a container shares the
// lock of all volumes until the container's record names them. The remover of a volume holds that lock alone, so no
// volume of a container is removed.

/** A volume that outlives containers. */
export interface VolumeRecord {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether tsimg made the name up. */
  readonly anonymous: boolean;
  /** Whether a container has had it: the first one fills it. */
  readonly filled: boolean;
  /** The map by which its files are stored; undefined where they have the IDs of the image. */
  readonly idMap?: IdMap | undefined;
}

const hasFields: Check = fields({
  name: isText,
  created: isText,
  labels: mapOf(isText),
  anonymous: isFlag,
  filled: isFlag,
  idMap: optional(isIdMap),
});

function isVolumeRecord(value: unknown): value is VolumeRecord {
  return hasFields(value);
}

/** The folder of all volumes. */
export function volumesFolder(stateRoot: string): string {
  return join(stateRoot, STORE_NAME.volumes);
}

/** Locks all volumes: shared while one is made or taken into use, exclusive while some are removed. */
export async function lockVolumes(stateRoot: string, mode: LockMode, context: Context): Promise<Lock> {
  makeDirectories(volumesFolder(stateRoot), 0o700);
  return await acquireLock(join(stateRoot, STORE_NAME.volumesLock), mode, context);
}

/** Reads a volume's record; undefined where there is no volume, or one that is not complete. @throws STORE_INVALID */
export function readVolume(folder: string, name: string): VolumeRecord | undefined {
  const path = join(folder, checkVolumeName(name), VOLUME_NAME.record);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    if (errnoOf(cause) !== undefined) throw filesystemError('cannot read a volume', path, cause);
  }
  if (isVolumeRecord(value) && value.name === name) return value;
  const fresh = { name, created: new Date(0).toISOString(), labels: {}, anonymous: false, filled: true };
  throw new TsimgError('STORE_INVALID', 'a volume’s record is damaged', {
    where: path,
    hint: `write ${JSON.stringify(fresh)} to it; the volume’s files are beside it`,
  });
}

/** Writes a volume's record; for the holder of the volume's lock only. */
export function writeVolume(folder: string, record: VolumeRecord): void {
  replaceJson(join(folder, record.name, VOLUME_NAME.record), record);
}

/** The names of all volumes, sorted. */
export async function volumeNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw filesystemError('cannot list the volumes', folder, error);
  }
}

/** A volume that is made, if it does not exist. */
interface WantedVolume extends Partial<Pick<VolumeRecord, 'labels' | 'anonymous'>> {
  readonly name: string;
}

/**
 * Makes a volume, if it does not exist; the caller holds the lock of all volumes. Of several processes that make the
 * same one, the first writes its record.
 * @throws FILESYSTEM, STORE_INVALID
 */
export async function ensureVolume(
  folder: string,
  { name, labels = {}, anonymous = false }: WantedVolume,
  context: Context,
): Promise<VolumeRecord> {
  const found = readVolume(folder, name);
  if (found !== undefined) return found;
  try {
    await mkdir(join(folder, name, VOLUME_NAME.data), { recursive: true, mode: 0o755 });
  } catch (error) {
    throw filesystemError('cannot make a volume', join(folder, name), error);
  }
  await using _lock = await acquireLock(join(folder, name, VOLUME_NAME.lock), 'exclusive', context);
  const made = readVolume(folder, name);
  if (made !== undefined) return made;
  const record = { name, created: new Date().toISOString(), labels, anonymous, filled: false };
  writeVolume(folder, record);
  recordEvent(dirname(folder), { type: 'volume', action: 'create', id: name, attributes: { driver: 'local' } });
  return record;
}
