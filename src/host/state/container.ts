import { existsSync, ftruncateSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import { CONTAINER_NAME, STORE_NAME, TRASH_PREFIX } from '../../store-layout.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { acquireLock, awaitUnlocked, isLocked, type Lock, tryLock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { randomHex } from '../../sys/random.ts';
import { requireTool } from '../facts/tools.ts';
import { removeInUserNamespace } from '../start/user-namespace.ts';
import { endProcesses } from './end-processes.ts';
import { readLife } from './life.ts';
import { claimName, releaseName } from './names.ts';
import { hasItEnded, isStopped } from './process-identity.ts';
import {
  type ContainerRecord,
  type ContainerState,
  missingRecord,
  readRecord,
  readState,
  writeState,
} from './record.ts';

// FOLDER/ID is a container's: `record.json`, `state.json`, `log`, what it changes (`upper`, `work` …), and `lock`,
// which whoever keeps it alive holds. The kernel gives the lock back however its holder ends, so nothing else says
// `alive`.

/** A container whose lock this process holds. */
export interface HeldContainer {
  readonly folder: string;
  readonly id: string;
  readonly directory: string;
  readonly lock: Lock;
}

/** A container as it is found: whoever holds it is another. */
export interface FoundContainer {
  readonly folder: string;
  readonly directory: string;
  readonly record: ContainerRecord;
  readonly state: ContainerState;
  /** Whether somebody keeps it alive. */
  readonly alive: boolean;
  /** Why something still lives of one that nobody keeps alive. */
  readonly left?: TsimgError | undefined;
}

/** Where the containers of a store are. */
export function containersFolder(storeRoot: string): string {
  return join(storeRoot, STORE_NAME.containers);
}

/**
 * Makes a container's directory, and gives it a name; the caller writes the record. Who is killed before that leaves
 * what `prune` removes. @throws CONTAINER_EXISTS, USAGE, FILESYSTEM
 */
export async function makeContainer(
  folder: string,
  wantedName: string | undefined,
  signal?: AbortSignal,
): Promise<HeldContainer & { readonly name: string }> {
  const id = randomHex(32);
  const directory = join(folder, id);
  try {
    makeDirectories(folder, 0o700);
    // Sweepers wait until it is locked. store/open.ts, `containersLock`.
    await using _lock = await acquireLock(join(folder, '..', STORE_NAME.containersLock), 'shared', { signal });
    await mkdir(directory, { mode: 0o700 });
    const lock = await tryLock(join(directory, CONTAINER_NAME.lock), 'exclusive');
    if (lock === undefined)
      throw new TsimgError('CONTAINER_STATE', 'a new container is held by another', { where: id });
    try {
      return { folder, id, directory, lock, name: await claimName(folder, wantedName, id) };
    } catch (error) {
      await rm(directory, { recursive: true });
      await lock.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof TsimgError || errnoOf(error) === undefined) throw error;
    throw filesystemError('cannot make a container', directory, error);
  }
}

/** Keeps a container when it has ended, until it is removed by name. */
export function markKept({ directory }: HeldContainer): void {
  writeFileSync(join(directory, CONTAINER_NAME.kept), '', { mode: 0o600 });
}

/**
 * Takes the lock of a container that nobody keeps alive, and ends what still lives of it; undefined where somebody
 * does, or where it is gone. @throws CONTAINER_STATE where something of it cannot be ended
 */
export async function holdContainer(folder: string, id: string): Promise<HeldContainer | undefined> {
  const directory = join(folder, id);
  if (await isLocked(join(directory, CONTAINER_NAME.lock))) return undefined;
  let lock: Lock | undefined;
  try {
    lock = await tryLock(join(directory, CONTAINER_NAME.lock), 'exclusive');
  } catch (error) {
    if (!(error instanceof TsimgError && errnoOf(error.cause) === 'ENOENT')) throw error;
  }
  if (lock === undefined) return undefined;
  try {
    await endProcesses({ id, directory });
  } catch (error) {
    await lock.close();
    throw error;
  }
  return { folder, id, directory, lock };
}

/** The lock of a container that lives in another process, handed over by descriptor. */
export function inheritedContainer(folder: string, id: string, fd: number): HeldContainer {
  const lock = { fd, close: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
  return { folder, id, directory: join(folder, id), lock };
}

/**
 * Makes it true that a container dies with whoever keeps it alive: ends what outlived that. Why something still lives,
 * or undefined; also where another is just at it. @throws FILESYSTEM, SYSTEM_CALL
 */
async function settle(folder: string, id: string): Promise<TsimgError | undefined> {
  try {
    await (await holdContainer(folder, id))?.lock.close();
    return undefined;
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'CONTAINER_STATE') return error;
    throw error;
  }
}

/** A state whose writer was killed is not true any more: the command died with it. docker, too, says 255. */
function settled(state: ContainerState, alive: boolean): ContainerState {
  if (alive || state.status === 'exited' || state.status === 'created') return state;
  return { ...state, status: 'exited', exitCode: 255, error: state.error ?? 'its tsimg was killed' };
}

/** While whoever should write that the command has ended is stopped, nobody knows how it ended. */
function unattended(state: ContainerState): ContainerState {
  const { status, process, owner } = state;
  if (status !== 'running' || process === undefined || owner === undefined) return state;
  if (!hasItEnded(process) || !isStopped(owner)) return state;
  return { ...state, status: 'exited', exitCode: undefined, error: `its tsimg (process ${owner.pid}) is stopped` };
}

/**
 * A container by its ID; undefined where there is none, or one that is only being made. What outlived its tsimg is
 * ended first.
 * @throws STORE_INVALID, FILESYSTEM, SYSTEM_CALL
 */
export async function readContainer(folder: string, id: string): Promise<FoundContainer | undefined> {
  const directory = join(folder, id);
  // The lock first: who ends in between has written the state before it gave the lock back.
  const alive = await isLocked(join(directory, CONTAINER_NAME.lock));
  const record = readRecord(directory);
  if (record === undefined) {
    // A container is marked as kept after its record is written.
    if (!alive && existsSync(join(directory, CONTAINER_NAME.kept))) throw missingRecord(directory);
    return undefined;
  }
  const left = alive || readLife(directory) === undefined ? undefined : await settle(folder, id);
  const state = settled(readState(directory), alive || left !== undefined);
  return { folder, directory, record, state: alive ? unattended(state) : state, alive, left };
}

/**
 * Removes a container whose lock is held, with all that lives of it and all that it changed, as the IDs that wrote it.
 * Its lock is given back. @throws CONTAINER_STATE where something of it cannot be ended; FILESYSTEM, LAUNCH_FAILED
 */
export async function removeContainer(
  { folder, id, directory, lock }: HeldContainer,
  name: string | undefined,
  idMap: IdMap | undefined,
  tools: HostTools,
): Promise<void> {
  await endProcesses({ id, directory });
  // From here on nobody finds it; what a crash leaves is removed by prune.
  const gone = join(folder, `${TRASH_PREFIX}${id}`);
  await rename(directory, gone);
  if (name !== undefined) releaseName(folder, name, id);
  await removeTreeOf(gone, idMap, tools);
  await lock.close();
}

/** Removes what a container left, as the IDs that wrote it. @throws FILESYSTEM, LAUNCH_FAILED */
export async function removeTreeOf(path: string, idMap: IdMap | undefined, tools: HostTools): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  } catch (error) {
    // Where an overlay was, there are directories that only their own IDs may empty.
    if (idMap === undefined || !['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserNamespace(idMap, tools, requireTool(tools, 'rm'), [path]);
  }
}

/** Changes some of a held container's state. */
export function updateState({ directory }: HeldContainer, changes: Partial<ContainerState>): void {
  writeState(directory, { ...readState(directory), ...changes });
}

/**
 * Leaves the exit status in the lock's file, where whoever waits for the lock finds it even after the container is
 * removed.
 */
export function leaveExitCode({ lock }: HeldContainer, exitCode: number | undefined): void {
  ftruncateSync(lock.fd);
  if (exitCode !== undefined) writeSync(lock.fd, String(exitCode), 0);
}

/** Waits until nobody keeps a container alive: its exit status, or undefined where whoever kept it was killed. */
export async function awaitEnd({ directory }: FoundContainer, signal?: AbortSignal): Promise<number | undefined> {
  await using lock = await awaitUnlocked(join(directory, CONTAINER_NAME.lock), signal);
  if (lock === undefined) return undefined;
  const text = Buffer.alloc(16);
  const digits = text.toString('latin1', 0, readSync(lock.fd, text, 0, text.length, 0));
  return digits === '' ? undefined : Number(digits);
}
