import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import {
  CGROUP_FOLDER,
  type CgroupPlan,
  cgroupDirectory,
  enteringDirectory,
  type PlannedLimit,
  processDirectory,
} from '../../launch/limits/limits.ts';
import { parseFlatKeyed } from '../../linux/cgroup.ts';
import { type Lock, tryLockDirectory } from '../../sys/file/lock.ts';
import { setDeviceList } from './device-list.ts';

/** A cgroup that was made, and its lock. */
interface MadeCgroup {
  readonly plan: CgroupPlan;
  readonly lock: Lock;
}

/** A container's cgroups. They are removed when this is disposed. */
export interface Cgroups extends AsyncDisposable {
  /** Moves a process into all of them; failures of optional ones are ignored. @throws LAUNCH_FAILED */
  join(pid: number): void;
  /** As `join`, while this process does other things. */
  joinLater(pid: number): Promise<void>;
  /** Whether the kernel killed a process of the container for its memory limit. Call it before the disposal. */
  outOfMemory(): boolean;
}

/** The number of attempts to make a cgroup while other processes of tsimg sweep its folder. */
const ATTEMPTS = 20;
/**
 * Pauses before a cgroup is removed again: milliseconds, doubled each time. Killed processes stay in it until they are
 * reaped.
 */
const FIRST_PAUSE = 1;
const LAST_PAUSE = 512;

/** Makes a cgroup and locks it. Sweeps skip locked cgroups. */
async function makeLocked(folder: string, id: string, inherit: (from: string, to: string) => void): Promise<Lock> {
  const directory = join(folder, id);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    // The others hold it for a moment each; on a busy machine that is longer.
    if (attempt > 1) await sleep(attempt);
    try {
      await mkdir(folder, { mode: 0o755 }).catch((error) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      });
      inherit(join(folder, '..'), folder);
      await mkdir(directory, { mode: 0o755 });
      inherit(folder, directory);
    } catch (error) {
      // Another process of tsimg removed the folder with its last container.
      if (errnoOf(error) === 'ENOENT' && attempt < ATTEMPTS - 1) continue;
      if (errnoOf(error) !== 'EEXIST') throw error;
      // A killed tsimg left the cgroup, with the limits of its run; or a sweep has removed it since.
      await removeLeft(directory);
      continue;
    }
    const lock = await tryLockDirectory(directory);
    if (lock !== undefined && existsSync(directory)) return lock;
    await lock?.close();
  }
  throw new TsimgError('LAUNCH_FAILED', 'a new cgroup is removed by another process each time', { where: directory });
}

/**
 * Sets up a child cgroup. In version 1, some files are empty at first and must be set before a process can join; in
 * version 2, the parent enables controllers for its children.
 */
function prepareChild({ version, controllers, inherit }: CgroupPlan, from: string, to: string): void {
  for (const name of inherit) {
    if (readFileSync(join(to, name), 'latin1').trim() !== '') continue;
    writeFileSync(join(to, name), readFileSync(join(from, name), 'latin1'));
  }
  if (version === 1) return;
  const given = readFileSync(join(from, 'cgroup.subtree_control'), 'latin1').split(/\s+/);
  const missing = controllers.filter((name) => !given.includes(name));
  if (missing.length > 0) {
    writeFileSync(join(from, 'cgroup.subtree_control'), missing.map((name) => `+${name}`).join(' '));
  }
}

/** The prefix of a limit for a block device, such as `8:16 `; '' without a device. @throws LAUNCH_FAILED */
function devicePrefix({ device, option }: PlannedLimit): string {
  if (device === undefined) return '';
  const status = statSync(device, { throwIfNoEntry: false });
  if (!status?.isBlockDevice()) {
    throw new TsimgError('LAUNCH_FAILED', 'a limit cannot be set', {
      where: option,
      why: `${device} is no block device`,
    });
  }
  const { rdev } = status;
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)} `;
}

function setLimitFile(directory: string, limit: PlannedLimit): void {
  const choice = limit.choices.find(({ name }) => existsSync(join(directory, name)));
  if (choice === undefined) {
    if (limit.optional) return;
    throw new TsimgError('HOST_UNSUPPORTED', 'a limit cannot be set', {
      where: limit.option,
      why: `the kernel has no ${limit.choices.map(({ name }) => name).join(' or ')}`,
      hint: 'run it without the limit',
    });
  }
  try {
    writeFileSync(join(directory, choice.name), `${devicePrefix(limit)}${choice.value}\n`);
  } catch (cause) {
    if (cause instanceof TsimgError) throw cause;
    throw new TsimgError('LAUNCH_FAILED', 'the kernel refused a limit', {
      where: limit.option,
      why: `${errnoOf(cause) ?? 'unknown'} for ${choice.value} in ${choice.name}`,
      hint: 'a limit cannot exceed the host’s resources, nor the caller’s own limits',
      cause,
    });
  }
}

/**
 * Makes the cgroups below the one with the list of devices: one for the container, and, if the list holds, one for
 * `exec`.
 */
async function makeBelow(plan: CgroupPlan, isHeld: boolean): Promise<void> {
  const directory = cgroupDirectory(plan);
  for (const path of [processDirectory(plan), ...(isHeld ? [enteringDirectory(plan)] : [])]) {
    if (path === undefined) continue;
    await mkdir(path, { mode: 0o755 });
    prepareChild(plan, directory, path);
  }
}

async function makeCgroup(plan: CgroupPlan): Promise<MadeCgroup> {
  const folder = join(plan.base, CGROUP_FOLDER);
  const directory = cgroupDirectory(plan);
  const lock = await makeLocked(folder, plan.id, (from, to) => prepareChild(plan, from, to));
  try {
    // In version 1, a cgroup with children takes no new list.
    if (plan.devices !== undefined) await makeBelow(plan, setDeviceList(plan.version, directory, plan.devices));
    for (const limit of plan.limits) setLimitFile(processDirectory(plan), limit);
    return { plan, lock };
  } catch (error) {
    await lock.close();
    await removeCgroup(directory);
    throw error;
  }
}

/**
 * Removes a cgroup with its children, which the container may have made. @throws an Error with the errno as its code
 */
async function removeTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  await rmdir(directory);
}

/** Removes a cgroup after the end of its last process. If that takes too long, the next sweep removes it. */
async function removeCgroup(directory: string): Promise<void> {
  for (let pause = FIRST_PAUSE; ; pause *= 2) {
    try {
      return await removeTree(directory);
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || pause > LAST_PAUSE) return;
    }
    await sleep(pause);
  }
}

/** Removes a cgroup of the same container that a killed tsimg left. @throws LAUNCH_FAILED while a process is in it */
async function removeLeft(directory: string): Promise<void> {
  const lock = await tryLockDirectory(directory).catch(() => undefined);
  if (lock === undefined) return;
  try {
    await removeCgroup(directory);
  } finally {
    await lock.close();
  }
  if (!existsSync(directory)) return;
  throw new TsimgError('LAUNCH_FAILED', 'processes of an earlier start of the container are still there', {
    where: directory,
    hint: 'end the processes in its cgroup.procs',
  });
}

/** Reads a file of a cgroup; '' where the cgroup or the file does not exist. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

/** Removes the cgroups of containers whose tsimg was killed, and the folder if it is empty then. */
export async function sweepCgroups(base: string): Promise<void> {
  const folder = join(base, CGROUP_FOLDER);
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of names) {
    if (!entry.isDirectory()) continue;
    const directory = join(folder, entry.name);
    if (readIfThere(join(directory, 'cgroup.procs')) !== '') continue;
    // A cgroup whose children have processes cannot be removed.
    const lock = await tryLockDirectory(directory).catch(() => undefined);
    if (lock === undefined) continue;
    try {
      await removeTree(directory).catch(() => undefined);
    } finally {
      await lock.close();
    }
  }
  await rmdir(folder).catch(() => undefined);
}

function killedInside({ plan }: MadeCgroup): boolean {
  if (!plan.controllers.includes('memory')) return false;
  const directory = processDirectory(plan);
  const name = plan.version === 1 ? 'memory.oom_control' : 'memory.events';
  return (parseFlatKeyed(readIfThere(join(directory, name))).get('oom_kill') ?? 0) > 0;
}

/** Throws where a cgroup that must be joined was not. @throws LAUNCH_FAILED */
function failToJoin(plan: CgroupPlan, cause: unknown): void {
  if (!plan.required) return;
  throw new TsimgError('LAUNCH_FAILED', 'the container’s cgroup cannot be joined', {
    where: processDirectory(plan),
    why: errnoOf(cause) ?? 'unknown',
    hint: 'run tsimg in another session, or as root',
    cause,
  });
}

function joinCgroup(plan: CgroupPlan, pid: number): void {
  try {
    writeFileSync(join(processDirectory(plan), 'cgroup.procs'), String(pid));
  } catch (cause) {
    failToJoin(plan, cause);
  }
}

async function joinCgroupLater(plan: CgroupPlan, pid: number): Promise<void> {
  try {
    await writeFile(join(processDirectory(plan), 'cgroup.procs'), String(pid));
  } catch (cause) {
    failToJoin(plan, cause);
  }
}

/**
 * Makes the cgroups of a plan with their limits, without processes. Optional ones that cannot be made are left out.
 * @throws HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function makeCgroups(plans: readonly CgroupPlan[]): Promise<Cgroups> {
  const made: MadeCgroup[] = [];
  const close = async () => {
    await Promise.all(made.map(({ plan }) => removeCgroup(cgroupDirectory(plan))));
    await Promise.all(made.map(({ lock }) => lock.close()));
    await Promise.all(made.map(({ plan }) => sweepCgroups(plan.base)));
  };
  for (const plan of plans) {
    try {
      made.push(await makeCgroup(plan));
    } catch (error) {
      await sweepCgroups(plan.base);
      // An error about a device that the user asked for is never ignored.
      const isAsked = error instanceof TsimgError && error.facts.asked === true;
      if (!plan.required && !isAsked) continue;
      await close();
      if (error instanceof TsimgError) throw error;
      throw new TsimgError('HOST_UNSUPPORTED', 'a cgroup cannot be made', {
        where: plan.base,
        why: errnoOf(error) ?? 'unknown',
        hint: 'run it as root, or without limits',
        cause: error,
      });
    }
  }
  return {
    join(pid) {
      for (const { plan } of made) joinCgroup(plan, pid);
    },
    async joinLater(pid) {
      for (const { plan } of made) await joinCgroupLater(plan, pid);
    },
    outOfMemory: () => made.some(killedInside),
    [Symbol.asyncDispose]: close,
  };
}
