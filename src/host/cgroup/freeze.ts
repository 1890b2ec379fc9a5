import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.ts';
import { type CgroupPlan, processDirectory } from '../../launch/limits/limits.ts';
import { parseFlatKeyed } from '../../linux/cgroup.ts';

/** Milliseconds between two checks, and their number. A process in an uninterruptible sleep may never stop. */
const PAUSE = 10;
const LOOKS = 500;

/** The file that stops a container's processes, and what is read from it and beside it. */
interface Freezer {
  readonly file: string;
  readonly stop: string;
  readonly go: string;
  /** Whether all processes have stopped. */
  isFrozen(): boolean;
}

/** Finds the freezer of a container whose cgroups exist. cgroup-v2.rst, freezer-subsystem.rst */
function freezerOf(plans: readonly CgroupPlan[]): Freezer | undefined {
  for (const plan of plans) {
    const directory = processDirectory(plan);
    const isUnified = plan.version === 2;
    if (!isUnified && !plan.controllers.includes('freezer')) continue;
    const file = join(directory, isUnified ? 'cgroup.freeze' : 'freezer.state');
    if (!existsSync(file)) continue;
    if (!isUnified) {
      return { file, stop: 'FROZEN', go: 'THAWED', isFrozen: () => readFileSync(file, 'latin1').trim() === 'FROZEN' };
    }
    const events = join(directory, 'cgroup.events');
    const isFrozen = () => parseFlatKeyed(readFileSync(events, 'latin1')).get('frozen') === 1;
    return { file, stop: '1', go: '0', isFrozen };
  }
  return undefined;
}

/** Writes to a freezer; false where the container is gone, or this user may not stop it. */
function set({ file }: Freezer, state: string): boolean {
  try {
    writeFileSync(file, state, { flag: 'r+' });
    return true;
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

function isStopping({ file, go }: Freezer): boolean {
  try {
    return readFileSync(file, 'latin1').trim() !== go;
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EACCES'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Whether the processes of a container are stopped, or about to: by `pauseProcesses`, or for a moment by `freeze`. */
export function arePaused(plans: readonly CgroupPlan[]): boolean {
  const freezer = freezerOf(plans);
  return freezer !== undefined && isStopping(freezer);
}

/**
 * Stops processes, and waits until all of them have stopped, for five seconds at most; false where some have not.
 * @throws an AbortError on `signal`; the processes go on then
 */
async function stopAll(freezer: Freezer, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    for (let look = 0; look < LOOKS; look += 1) {
      if (freezer.isFrozen()) return true;
      await sleep(PAUSE, undefined, { signal });
    }
    return false;
  } catch (error) {
    set(freezer, freezer.go);
    // The container has ended meanwhile.
    if (['ENOENT', 'ENODEV'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Stops all processes of a container, until `thaw`. Resolves with `busy` where a process did not stop within five
 * seconds, or the container ended, and with `refused` where none of its cgroups has a freezer that this user may use;
 * its processes go on then.
 * @throws an AbortError on `signal`; the processes go on then
 */
export async function pauseProcesses(
  plans: readonly CgroupPlan[],
  signal?: AbortSignal,
): Promise<'paused' | 'busy' | 'refused'> {
  const freezer = freezerOf(plans);
  if (freezer === undefined || !set(freezer, freezer.stop)) return 'refused';
  if (await stopAll(freezer, signal)) return 'paused';
  set(freezer, freezer.go);
  return 'busy';
}

/** Lets the processes of a container go on. Returns whether they were stopped. */
export function thaw(plans: readonly CgroupPlan[]): boolean {
  const freezer = freezerOf(plans);
  return freezer !== undefined && isStopping(freezer) && set(freezer, freezer.go);
}

/**
 * Stops the processes of a container until the result is disposed; after five seconds it waits no longer. Undefined
 * where none of its cgroups has a freezer that this user may use. A paused container stays paused.
 * @throws an AbortError on `signal`; the processes go on then
 */
export async function freeze(plans: readonly CgroupPlan[], signal?: AbortSignal): Promise<Disposable | undefined> {
  const freezer = freezerOf(plans);
  if (freezer === undefined) return undefined;
  if (isStopping(freezer)) return { [Symbol.dispose]: () => undefined };
  if (!set(freezer, freezer.stop)) return undefined;
  await stopAll(freezer, signal);
  return { [Symbol.dispose]: () => void set(freezer, freezer.go) };
}
