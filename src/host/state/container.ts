import { existsSync, ftruncateSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap, LaunchPlan } from '../../launch/launch-plan.ts';
import { CONTAINER_NAME, STORE_NAME, TRASH_PREFIX } from '../../store-layout.ts';
import { filesystemError } from '../../sys/file/filesystem-error.ts';
import { acquireLock, awaitUnlocked, isLocked, type Lock, tryLock } from '../../sys/file/lock.ts';
import { makeDirectories } from '../../sys/file/make-directories.ts';
import { randomHex } from '../../sys/random.ts';
import { arePaused } from '../cgroup/freeze.ts';
import { removeInUserNamespace } from '../start/in-user-namespace.ts';
import { endProcesses } from './end-processes.ts';
import { recordConnection, recordContainerEvent } from './events-file.ts';
import { readLife } from './life.ts';
import { claimName, releaseName } from './names.ts';
import { hasItEnded, isStopped } from './process-identity.ts';
import {
  type ContainerRecord,
  type ContainerState,
  missingRecord,
  readRecord,
  readState,
  tryReadRecord,
  writeState,
} from './record.ts';

// A container's files are in FOLDER/ID: `record.json`, `state.json`, `log`, the files that it changes (`upper`, `work`
// …), and `lock`. The process that keeps the container alive holds the lock. The kernel releases it however that
// process ends, so the lock alone tells whether the container is alive.

/** Attempts to take a lock that others share for a moment, and milliseconds between two of them. */
const LOCK_ATTEMPTS = 100;
const LOCK_PAUSE = 5;

/** A container whose lock this process holds. */
export interface HeldContainer {
  readonly folder: string;
  readonly id: string;
  readonly directory: string;
  readonly lock: Lock;
}

/** A container that this process can start. */
export interface PlannedContainer extends HeldContainer {
  readonly plan: LaunchPlan;
}

/** A container that was found; another process may hold its lock. */
export interface FoundContainer {
  readonly folder: string;
  readonly directory: string;
  readonly record: ContainerRecord;
  readonly state: ContainerState;
  /** Whether a process holds its lock, and so keeps it alive. */
  readonly alive: boolean;
  /** Whether it runs and its processes are stopped. The kernel says so: it is not recorded. */
  readonly paused: boolean;
  /** The reason why processes of a dead container could not be ended. */
  readonly left?: TsimgError | undefined;
}

/** The folder with the containers of a store. */
export function containersFolder(storeRoot: string): string {
  return join(storeRoot, STORE_NAME.containers);
}

/** The options of `makeContainerDirectory`. */
export interface MakeOptions {
  readonly signal?: AbortSignal | undefined;
  /** The new container's ID; made up when absent. */
  readonly id?: string | undefined;
}

/**
 * Makes a container's directory and gives it a name; the caller writes the record. If the caller is killed before that,
 * `prune` removes the directory. @throws CONTAINER_EXISTS, USAGE, FILESYSTEM
 */
export async function makeContainerDirectory(
  folder: string,
  wantedName: string | undefined,
  { signal, id = randomHex(32) }: MakeOptions = {},
): Promise<HeldContainer & { readonly name: string }> {
  const directory = join(folder, id);
  try {
    makeDirectories(folder, 0o700);
    // Sweeps wait until the new directory is locked. store/open.ts, `containersLock`
    await using _lock = await acquireLock(join(folder, '..', STORE_NAME.containersLock), 'shared', { signal });
    await mkdir(directory, { mode: 0o700 });
    // A process that lists containers may hold it for a moment: `isLocked` takes the lock to see whether it is free
    const lock = await acquireLock(join(directory, CONTAINER_NAME.lock), 'exclusive', { signal });
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

/** Marks a container that is kept after its end, until a user removes it. */
export function markKept({ directory }: HeldContainer): void {
  writeFileSync(join(directory, CONTAINER_NAME.kept), '', { mode: 0o600 });
}

/**
 * Takes the lock of a dead container; undefined where the container is alive, or the file is gone. Others share it for
 * a moment to look at it (`isLocked`), so one attempt may fail without a holder.
 */
async function lockDead(path: string): Promise<Lock | undefined> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
    if (await isLocked(path)) return undefined;
    try {
      const lock = await tryLock(path, 'exclusive');
      if (lock !== undefined) return lock;
    } catch (error) {
      if (error instanceof TsimgError && errnoOf(error.cause) === 'ENOENT') return undefined;
      throw error;
    }
    await sleep(LOCK_PAUSE);
  }
  return undefined;
}

/**
 * Takes the lock of a dead container and ends its leftover processes; undefined where the container is alive or gone.
 * @throws CONTAINER_STATE where a process cannot be ended
 */
export async function holdContainer(folder: string, id: string): Promise<HeldContainer | undefined> {
  const directory = join(folder, id);
  const lock = await lockDead(join(directory, CONTAINER_NAME.lock));
  if (lock === undefined) return undefined;
  try {
    const wasKilled = readLife(directory) !== undefined;
    await endProcesses({ id, directory });
    const record = wasKilled ? tryReadRecord(directory) : undefined;
    if (record !== undefined) {
      recordContainerEvent(folder, record, 'die', { exitCode: '255' });
      recordConnection(folder, record, 'disconnect');
    }
  } catch (error) {
    await lock.close();
    throw error;
  }
  return { folder, id, directory, lock };
}

/** A container whose lock another process handed over as a descriptor. */
export function inheritedContainer(folder: string, id: string, fd: number): HeldContainer {
  const lock = { fd, close: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
  return { folder, id, directory: join(folder, id), lock };
}

/**
 * Ends the processes of a dead container that outlived their tsimg. Returns the error where that failed; undefined
 * where it succeeded, or where another process is doing it. @throws FILESYSTEM, SYSTEM_CALL
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

/**
 * Corrects the state of a container whose tsimg was killed: its command died too. The exit code is 255, as docker's.
 */
function settled(state: ContainerState, alive: boolean): ContainerState {
  if (alive || state.status === 'exited' || state.status === 'created') return state;
  return { ...state, status: 'exited', exitCode: 255, error: state.error ?? 'its tsimg was killed' };
}

/** Corrects the state of a container whose command has ended while its tsimg is stopped: the exit code is not known. */
function unattended(state: ContainerState): ContainerState {
  const { status, process, owner } = state;
  if (status !== 'running' || process === undefined || owner === undefined) return state;
  if (!hasItEnded(process) || !isStopped(owner)) return state;
  return { ...state, status: 'exited', exitCode: undefined, error: `its tsimg (process ${owner.pid}) is stopped` };
}

/**
 * Whether the holder of a container's lock only cleans up after the container: its tsimg was killed, and its processes
 * have been ended.
 */
function isCleanedUp(directory: string, { status, owner }: ContainerState): boolean {
  const isOver = (status === 'running' || status === 'restarting') && owner !== undefined && hasItEnded(owner);
  return isOver && readLife(directory) === undefined;
}

/**
 * Finds a container by its ID; undefined where there is none, or where it is still being made. Processes that outlived
 * their tsimg are ended first.
 *
 * @throws STORE_INVALID, FILESYSTEM, SYSTEM_CALL
 */
export async function readContainer(folder: string, id: string): Promise<FoundContainer | undefined> {
  const directory = join(folder, id);
  // The lock before the state: its holder writes the state before it releases the lock.
  const isHeld = await isLocked(join(directory, CONTAINER_NAME.lock));
  const record = readRecord(directory);
  if (record === undefined) {
    // The record is written before the mark, so it was lost.
    if (!isHeld && existsSync(join(directory, CONTAINER_NAME.kept))) throw missingRecord(directory);
    return undefined;
  }
  const alive = isHeld && !isCleanedUp(directory, readState(directory));
  const left = alive || readLife(directory) === undefined ? undefined : await settle(folder, id);
  const settledState = settled(readState(directory), alive || left !== undefined);
  const state = alive ? unattended(settledState) : settledState;
  const paused = alive && state.status === 'running' && arePaused(record.plan.cgroups);
  return { folder, directory, record, state, alive, paused, left };
}

/** The options of a removal. */
export interface Removal {
  /** The container's name, if it has one. */
  readonly name: string | undefined;
  /** The map by which its files are stored. */
  readonly idMap: IdMap | undefined;
  readonly tools: HostTools;
}

/**
 * Removes a held container with its processes and files, by the IDs that own the files; releases the lock.
 * @throws CONTAINER_STATE where a process cannot be ended; FILESYSTEM, LAUNCH_FAILED
 */
export async function removeContainer(
  { folder, id, directory, lock }: HeldContainer,
  { name, idMap, tools }: Removal,
): Promise<void> {
  await endProcesses({ id, directory });
  const record = tryReadRecord(directory);
  // `rename` may have changed the name since the caller read it.
  const names = new Set([name, record?.name]);
  // From here on the container is not found any more. After a crash, prune removes the trash.
  const gone = join(folder, `${TRASH_PREFIX}${id}`);
  await rename(directory, gone);
  for (const each of names) if (each !== undefined) releaseName(folder, each, id);
  if (record !== undefined) recordContainerEvent(folder, record, 'destroy');
  await removeTreeOf(gone, idMap, tools);
  await lock.close();
}

/** Removes a container's files, by the IDs that own them. @throws FILESYSTEM, LAUNCH_FAILED */
export async function removeTreeOf(path: string, idMap: IdMap | undefined, tools: HostTools): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  } catch (error) {
    // An overlay leaves directories that only their owners may empty.
    if (idMap === undefined || !['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserNamespace(idMap, tools, [path]);
  }
}

/** Changes some fields of a held container's state. */
export function updateState({ directory }: HeldContainer, changes: Partial<ContainerState>): void {
  writeState(directory, { ...readState(directory), ...changes });
}

/** Writes the exit code to the lock's file, where `awaitContainerEnd` finds it even after the container is removed. */
export function leaveExitCode({ lock }: HeldContainer, exitCode: number | undefined): void {
  ftruncateSync(lock.fd);
  if (exitCode !== undefined) writeSync(lock.fd, String(exitCode), 0);
}

/** Waits until a container is dead; resolves with its exit code, or undefined where its tsimg was killed. */
export async function awaitContainerEnd(
  { directory }: Pick<FoundContainer, 'directory'>,
  signal?: AbortSignal,
): Promise<number | undefined> {
  await using lock = await awaitUnlocked(join(directory, CONTAINER_NAME.lock), signal);
  if (lock === undefined) return undefined;
  const text = Buffer.alloc(16);
  const digits = text.toString('latin1', 0, readSync(lock.fd, text, 0, text.length, 0));
  return digits === '' ? undefined : Number(digits);
}
