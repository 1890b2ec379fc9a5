import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.ts';
import { type CgroupPlan, processDirectory } from '../../launch/limits/limits.ts';
import { parseFlatKeyed } from '../../linux/cgroup.ts';

/** Milliseconds between two checks, and their number. A process in an uninterruptible sleep may never stop. */
const PAUSE = 10;
const LOOKS = 500;

/**
 * The file that stops a container's processes, and a test whether they have stopped. cgroup-v2.rst,
 * freezer-subsystem.rst
 */
function freezerOf(plans: readonly CgroupPlan[]) {
  const unified = plans.find(({ version }) => version === 2);
  if (unified !== undefined) {
    const directory = processDirectory(unified);
    const events = join(directory, 'cgroup.events');
    const isFrozen = () => parseFlatKeyed(readFileSync(events, 'latin1')).get('frozen') === 1;
    return { file: join(directory, 'cgroup.freeze'), stop: '1', go: '0', isFrozen };
  }
  const legacy = plans.find(({ controllers }) => controllers.includes('freezer'));
  if (legacy === undefined) return undefined;
  const file = join(processDirectory(legacy), 'freezer.state');
  return { file, stop: 'FROZEN', go: 'THAWED', isFrozen: () => readFileSync(file, 'latin1').trim() === 'FROZEN' };
}

/**
 * Stops all processes of a container until the result is disposed; undefined where no cgroup of the container can do
 * that.
 * @throws an AbortError on `signal`; the processes go on then
 */
export async function freeze(plans: readonly CgroupPlan[], signal?: AbortSignal): Promise<Disposable | undefined> {
  const freezer = freezerOf(plans);
  if (freezer === undefined) return undefined;
  const { file, stop, go, isFrozen } = freezer;
  const set = (state: string): boolean => {
    try {
      writeFileSync(file, state, { flag: 'r+' });
      return true;
    } catch (error) {
      // The container and its cgroup are gone, or this user may not.
      if (['ENOENT', 'ENODEV', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
  };
  if (!set(stop)) return undefined;
  try {
    for (let look = 0; look < LOOKS && !isFrozen(); look += 1) await sleep(PAUSE, undefined, { signal });
  } catch (error) {
    set(go);
    throw error;
  }
  return { [Symbol.dispose]: () => void set(go) };
}
